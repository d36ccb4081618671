"""Caches: none shared and no prompt in clear text with KV1, no tier behind them with KV3, or where nothing is kept."""

from collections.abc import Iterator

from infra.config.asking import asker, asks_for, by_tier
from infra.config.caches import engine_owners, isolation_in_force, may_take_media, sharers
from infra.config.draft import Draft, at
from infra.config.gateway import EngineTraffic
from infra.config.models import CacheIsolation, EndpointPickerRouting, Model
from infra.config.problem import Problem
from infra.config.trust import ControlId, Trust
from infra.config.words import listed


def check_caches(draft: Draft) -> Iterator[Problem]:
    """What would let one tenant find again what another has left, in spite of KV1 or KV3; and caches that are off."""
    yield from _tiers_behind_nothing(draft)
    if draft.trust is None:
        return
    yield from _salted_media(draft, draft.trust)
    if asks_for(ControlId.KV1, draft.trust):
        yield from _shared_caches(draft, draft.trust)
        yield from _plain_traffic(draft, draft.trust)
        yield from _picked_traffic(draft, draft.trust)
    if asks_for(ControlId.KV3, draft.trust):
        yield from _shared_tiers(draft, draft.trust)


def _shared_caches(draft: Draft, trust: Trust) -> Iterator[Problem]:
    for index, model in draft.models.read.items():
        if model.cache_isolation is CacheIsolation.SHARED:
            wrong, follows = _sharing(draft, model, trust)
            yield Problem(
                at("models", index, "cache_isolation"),
                f"{wrong}, and KV1 ({asker(ControlId.KV1, trust)}) rules it out",
                follows,
                f"salted, off or engine_per_tenant, or leave it out; {_sharing_on_purpose(trust)}",
            )


def _sharing(draft: Draft, model: Model, trust: Trust) -> tuple[str, str]:
    """What is wrong with sharing, and what follows: with one caller nobody is harmed before there is another."""
    if len(_sharers(draft, model, trust)) > 1 or not draft.tenants.all_read:
        return (
            "`shared` lets tenants hit what others have left in the engines",
            "a tenant could tell from response times what another one has asked",
        )
    return (
        "`shared` would let every further tenant that may call the model hit what the first has left in the engines",
        "nothing today, since no two tenants share them; the next one could tell from response times what the first has"
        " asked",
    )


def _sharing_on_purpose(trust: Trust) -> str:
    waiver = "a waiver of KV1 with owner, reason and expires where tenants are declared untrusted"
    if not by_tier(trust):
        return f"sharing on purpose takes KV1 out of bulkhead:trust.enable, and {waiver}"
    if any(written.control is ControlId.KV1 for written in trust.waivers):
        return (
            "sharing on purpose takes a lower tier, since the waiver of KV1 waives nothing while the tier enforces it"
        )
    listed_too = ", KV1 out of bulkhead:trust.enable" if ControlId.KV1 in trust.enable else ""
    return f"sharing on purpose takes a lower tier{listed_too}, and {waiver}"


def _plain_traffic(draft: Draft, trust: Trust) -> Iterator[Problem]:
    if draft.gateway is not None and draft.gateway.engine_traffic is EngineTraffic.PLAIN:
        yield Problem(
            at("gateway", "engine_traffic"),
            "`plain` sends prompts of all tenants to the engines in clear text, and KV1"
            f" ({asker(ControlId.KV1, trust)}) encrypts them",
            "whoever could read along on the cluster's network would need no cache to learn what others ask",
            "mutual_tls, or leave it out",
        )


def _picked_traffic(draft: Draft, trust: Trust) -> Iterator[Problem]:
    """A picker's data plane has no certificate for the engines' doors."""
    for index, model in draft.models.read.items():
        if isinstance(model.routing, EndpointPickerRouting) and not model.routing.network_encrypts:
            yield Problem(
                at("models", index, "routing", "network_encrypts"),
                f"an endpoint picker's data plane carries prompts for {model.name} in clear text, and KV1"
                f" ({asker(ControlId.KV1, trust)}) encrypts them",
                "whoever could read along on the cluster's network would need no cache to learn what others ask",
                "routing: {kind: service}; or network_encrypts: true, if the cluster's network encrypts what pods send"
                " each other, as a dataplane with WireGuard or a mesh does",
            )


def _salted_media(draft: Draft, trust: Trust) -> Iterator[Problem]:
    """Whoever salts by hand wants what KV1 wants, so this holds without it, too."""
    for index, model in draft.models.read.items():
        isolation, tenants = _isolation(model, trust), _sharers(draft, model, trust)
        if model.engine.media_per_request and not may_take_media(isolation, frozenset(tenants)):
            yield Problem(
                at("models", index, "engine", "media_per_request"),
                f"engines whose cache is salted between {listed(tenants)} would take images, videos and sounds, and"
                " what vLLM keeps of those knows no salt",
                "a tenant could be answered about an image that another one has sent, or tell from response times that"
                " it was sent",
                "media_per_request: 0, or leave it out, to refuse media; or cache_isolation: off or engine_per_tenant,"
                " to take them",
            )


def _tiers_behind_nothing(draft: Draft) -> Iterator[Problem]:
    """A tier is asked for every prompt, also while vLLM's own cache is off (0.32, `core.py` and `scheduler.py`)."""
    for index, model in draft.models.read.items():
        if model.engine.kv_offload_gibibytes is not None and model.cache_isolation is CacheIsolation.OFF:
            yield Problem(
                at("models", index, "engine", "kv_offload_gibibytes"),
                "`cache_isolation: off` lets nobody hit anything, and the node's memory would keep what the engines"
                " compute",
                "vLLM would find the beginnings of prompts again there, and answer those faster",
                "leave kv_offload_gibibytes out, or cache_isolation: engine_per_tenant, to keep them for each tenant"
                " alone",
            )


def _shared_tiers(draft: Draft, trust: Trust) -> Iterator[Problem]:
    for index, model in draft.models.read.items():
        if model.cache_isolation is CacheIsolation.OFF:
            continue  # refused whoever shares it
        sharers = _sharers(draft, model, trust)
        if model.engine.kv_offload_gibibytes is not None and len(sharers) > 1:
            yield Problem(
                at("models", index, "engine", "kv_offload_gibibytes"),
                f"engines that {listed(sharers)} share would keep what they compute in the node's memory, and KV3"
                f" ({asker(ControlId.KV3, trust)}) rules that out",
                "tiers behind the cache are known to leave the salt out of their keys, so that one tenant could find"
                " again what another has left",
                "cache_isolation: engine_per_tenant, or leave kv_offload_gibibytes out",
            )


def _sharers(draft: Draft, model: Model, trust: Trust) -> list[str]:
    """The tenants who share engines of a model."""
    callers = [tenant for tenant in draft.tenants.read.values() if model.name in tenant.models]
    owners = engine_owners(_isolation(model, trust), callers, scoped=asks_for(ControlId.KV1, trust))
    return sorted(sharers(callers, owners))


def _isolation(model: Model, trust: Trust) -> CacheIsolation:
    return isolation_in_force(model.cache_isolation, scoped=asks_for(ControlId.KV1, trust))
