"""Caches: no model's are shared where KV1 scopes them."""

from collections.abc import Iterator

from infra.config.caches import asks_for_scoped_caches
from infra.config.draft import Draft, at
from infra.config.models import CacheIsolation
from infra.config.problem import Problem
from infra.config.trust import ControlId, Trust


def check_caches(draft: Draft) -> Iterator[Problem]:
    """Models whose engines would answer one tenant faster for what another has asked, in spite of KV1."""
    trust = draft.trust
    if trust is None or not asks_for_scoped_caches(trust):
        return
    for index, model in draft.models.read.items():
        if model.cache_isolation is CacheIsolation.SHARED:
            yield Problem(
                at("models", index, "cache_isolation"),
                f"`shared` lets tenants hit what others have left in the engines; KV1 ({_asker(trust)}) rules it out",
                "a tenant could tell from response times what another one has asked",
                "salted, off or engine_per_tenant, or leave it out; sharing on purpose takes a lower tier, and a waiver"
                " of KV1 with owner, reason and expires where tenants are declared untrusted",
            )


def _asker(trust: Trust) -> str:
    return "bulkhead:trust.enable" if ControlId.KV1 in trust.enable else f"tier {trust.tier}"
