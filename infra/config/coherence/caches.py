"""Caches: none shared and no prompt in clear text with KV1, no tier behind them with KV3."""

from collections.abc import Iterator

from infra.config.caches import asks_for, engine_owners, isolation_in_force
from infra.config.draft import Draft, at
from infra.config.gateway import EngineTraffic
from infra.config.models import CacheIsolation, Model
from infra.config.problem import Problem
from infra.config.trust import ControlId, Trust
from infra.config.words import listed


def check_caches(draft: Draft) -> Iterator[Problem]:
    """What would let one tenant find again what another has left, in spite of KV1 or KV3."""
    if draft.trust is None:
        return
    if asks_for(ControlId.KV1, draft.trust):
        yield from _shared_caches(draft, draft.trust)
        yield from _plain_traffic(draft, draft.trust)
    if asks_for(ControlId.KV3, draft.trust):
        yield from _shared_tiers(draft, draft.trust)


def _shared_caches(draft: Draft, trust: Trust) -> Iterator[Problem]:
    for index, model in draft.models.read.items():
        if model.cache_isolation is CacheIsolation.SHARED:
            yield Problem(
                at("models", index, "cache_isolation"),
                "`shared` lets tenants hit what others have left in the engines, and KV1"
                f" ({_asker(ControlId.KV1, trust)}) rules it out",
                "a tenant could tell from response times what another one has asked",
                "salted, off or engine_per_tenant, or leave it out; sharing on purpose takes a lower tier, and a waiver"
                " of KV1 with owner, reason and expires where tenants are declared untrusted",
            )


def _plain_traffic(draft: Draft, trust: Trust) -> Iterator[Problem]:
    if draft.gateway is not None and draft.gateway.engine_traffic is EngineTraffic.PLAIN:
        yield Problem(
            at("gateway", "engine_traffic"),
            "`plain` sends prompts of all tenants to the engines in clear text, and KV1"
            f" ({_asker(ControlId.KV1, trust)}) encrypts them",
            "whoever could read along on the cluster's network would need no cache to learn what others ask",
            "mutual_tls, or leave it out",
        )


def _shared_tiers(draft: Draft, trust: Trust) -> Iterator[Problem]:
    for index, model in draft.models.read.items():
        sharers = _sharers(draft, model, trust)
        if model.engine.kv_offload_gibibytes is not None and len(sharers) > 1:
            yield Problem(
                at("models", index, "engine", "kv_offload_gibibytes"),
                f"engines that {listed(sharers)} share would keep what they compute in the node's memory, and KV3"
                f" ({_asker(ControlId.KV3, trust)}) rules that out",
                "tiers behind the cache are known to leave the salt out of their keys, so that one tenant could find"
                " again what another has left",
                "cache_isolation: engine_per_tenant, or leave kv_offload_gibibytes out",
            )


def _sharers(draft: Draft, model: Model, trust: Trust) -> list[str]:
    """The tenants who share engines of a model."""
    scoped = asks_for(ControlId.KV1, trust)
    callers = [tenant for tenant in draft.tenants.read.values() if model.name in tenant.models]
    owners = engine_owners(isolation_in_force(model.cache_isolation, scoped=scoped), callers, scoped=scoped)
    return sorted(caller.name for caller in callers if caller.name not in owners)


def _asker(control: ControlId, trust: Trust) -> str:
    return "bulkhead:trust.enable" if control in trust.enable else f"tier {trust.tier}"
