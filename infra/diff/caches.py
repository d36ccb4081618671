"""What a change does to the reuse of prefixes, the largest part of a shared engine's throughput.

vLLM keeps the attention state of prompts' beginnings and computes it once for all that begin alike. Whoever may share
it decides what is reused; replicas, restarts and the cache's size decide how long.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from infra.blueprint.model import Blueprint, EnginePart
from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.diff.model import CacheEffect
from infra.trust.posture import Posture


class Sharing(StrEnum):
    """Who may reuse what one tenant's prompts left in a model's prefix cache."""

    SHARED = "shared by its callers"
    PER_TENANT = "each caller's own"


@dataclass(frozen=True)
class PrefixCache:
    """One model's prefix cache.

    Attributes:
        sharing: Who may reuse an entry.
        callers: How many tenants may call the model.
        engine: Its engine; a change of anything but the count of replicas restarts it, and its cache starts empty.
    """

    sharing: Sharing
    callers: int
    engine: EnginePart

    @property
    def words(self) -> str:
        """Who shares it, for people."""
        tenants = f"{self.callers} tenant{'' if self.callers == 1 else 's'}"
        return f"{self.sharing} ({tenants})" + (f", {self.engine.replicas} engines" if self.engine.replicas > 1 else "")


def prefix_caches(config: StackConfig, posture: Posture, blueprint: Blueprint) -> Mapping[str, PrefixCache]:
    """Every model's prefix cache, by the model's name."""
    sharing = Sharing.PER_TENANT if ControlId.KV1 in posture.in_force else Sharing.SHARED
    return {
        engine.name: PrefixCache(sharing, sum(engine.name in tenant.models for tenant in config.tenants), engine)
        for engine in blueprint.engines
    }


def cache_effects(before: Mapping[str, PrefixCache], after: Mapping[str, PrefixCache]) -> tuple[CacheEffect, ...]:
    """What to expect of each model that is on both sides and whose reuse changes, by name."""
    effects = ((name, before[name], after[name]) for name in sorted(before.keys() & after.keys()))
    return tuple(
        CacheEffect(name, was.words, now.words, effect)
        for name, was, now in effects
        if (effect := "; ".join(_effects(was, now)))
    )


def _effects(was: PrefixCache, now: PrefixCache) -> Iterator[str]:
    yield from _of_sharing(was, now)
    if was.engine.replicas != now.engine.replicas:
        yield (
            f"each engine has a cache of its own, so a prefix is computed up to {now.engine.replicas} times instead of"
            f" {was.engine.replicas}"
        )
    if replace(was.engine, replicas=now.engine.replicas) != now.engine:
        yield "its engines restart, so their caches start empty"


def _of_sharing(was: PrefixCache, now: PrefixCache) -> Iterator[str]:
    if was.sharing is now.sharing:
        if was.callers != now.callers and now.sharing is Sharing.PER_TENANT:
            yield f"the cache's memory is divided among {now.callers} tenants instead of {was.callers}"
        return
    if now.callers < 2:
        yield "none to speak of, since no two tenants call it"
    elif now.sharing is Sharing.PER_TENANT:
        yield (
            f"a prefix that its {now.callers} callers have in common is computed and held once for each of them instead"
            " of once; what one tenant repeats is reused as before"
        )
    else:
        yield f"a prefix that its {now.callers} callers have in common is computed and held once for all of them"
