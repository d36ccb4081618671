"""What a change does to the reuse of prefixes, the largest part of a shared engine's throughput.

vLLM keeps the attention state of prompts' beginnings and computes it once for all that begin alike. Whoever may share
it decides what is reused; replicas, restarts and the cache's size decide how long.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from infra.blueprint.caches import callers_of
from infra.blueprint.model import Blueprint, EnginePart
from infra.config.words import first_of
from infra.diff.model import CacheEffect

TENANTS_SHOWN = 4
"""Names of tenants whose own engines restart: every one of a model may be somebody's."""


class Sharing(StrEnum):
    """Who may reuse what one tenant's prompts left in a model's prefix cache."""

    SHARED = "shared by its callers"
    PER_TENANT = "each caller's own"
    NOBODY = "kept for nobody"


@dataclass(frozen=True)
class PrefixCache:
    """One model's prefix cache.

    Attributes:
        sharing: Who may reuse an entry.
        callers: How many tenants may call the model.
        engines: Its Deployments of engines, those that tenants share first; most changes of one restart it, and its
            cache starts empty.
    """

    sharing: Sharing
    callers: int
    engines: tuple[EnginePart, ...]

    @property
    def engine(self) -> EnginePart:
        """What its engines are like, whosever they are, but for the nodes and whose prompts they may take."""
        return self.engines[0]

    @property
    def words(self) -> str:
        """Who shares it, for people."""
        tenants = f"{self.callers} tenant{'' if self.callers == 1 else 's'}"
        return f"{self.sharing} ({tenants})" + (f", {self.engine.replicas} engines" if self.engine.replicas > 1 else "")


def prefix_caches(blueprint: Blueprint) -> Mapping[str, PrefixCache]:
    """Every model's prefix cache, by the model's name."""
    by_model: dict[str, list[EnginePart]] = {}
    for engine in sorted(blueprint.engines, key=lambda engine: (engine.tenant is not None, engine.name)):
        by_model.setdefault(engine.model, []).append(engine)
    return {
        model: PrefixCache(_sharing(engines[0]), len(callers_of(blueprint, model)), tuple(engines))
        for model, engines in by_model.items()
    }


def _sharing(engine: EnginePart) -> Sharing:
    if not engine.keeps_prefixes:
        return Sharing.NOBODY
    return Sharing.PER_TENANT if engine.isolates_tenants else Sharing.SHARED


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
    yield from _of_media(was.engine, now.engine)
    if was.engine.replicas != now.engine.replicas:
        yield (
            f"each engine has a cache of its own, so a prefix is computed up to {now.engine.replicas} times instead of"
            f" {was.engine.replicas}"
        )
    yield from _of_picking(was.engine, now.engine)
    yield from _of_restarts(was, now)


def _of_restarts(was: PrefixCache, now: PrefixCache) -> Iterator[str]:
    """Which Deployments of those that stay make other pods: not all, where one tenant's own run on other nodes."""
    before = {engine.name: _as_it_runs(engine) for engine in was.engines}
    staying = [engine for engine in now.engines if engine.name in before]
    restarting = [engine for engine in staying if before[engine.name] != _as_it_runs(engine)]
    if not restarting:
        return
    if len(restarting) == len(now.engines):
        yield "its engines restart, so their caches start empty"
        return
    owners = [engine.tenant for engine in restarting if engine.tenant is not None]
    whose = [] if len(owners) == len(restarting) else ["that tenants share"]
    if owners:
        whose.append(f"of {first_of(owners, TENANTS_SHOWN)} alone")
    yield f"the engines {' and those '.join(whose)} restart, so their caches start empty"


def _of_media(was: EnginePart, now: EnginePart) -> Iterator[str]:
    if was.takes_media and not now.takes_media and was.media_per_request != 0:
        yield "images, videos and sounds are refused, since what an engine keeps of them knows no salt"
    if now.takes_media and not was.takes_media and now.media_per_request != 0:
        yield "images, videos and sounds are taken again"


def _as_it_runs(engine: EnginePart) -> EnginePart:
    """The engine without what its pods do not know.

    That is how many there are, how one succeeds another, whose they are, who picks among them, and who salts requests.
    """
    engine = replace(engine, picker=None, surge=False, nodes=engine.runs_on, own_nodes={})
    kept = None if engine.keeps_prefixes else engine.cache_isolation
    options = replace(engine.options, media_per_request=engine.media_per_request)
    alike = replace(engine, name=engine.model, tenant=None, replicas=1, cache_isolation=kept)
    return replace(alike, options=options, takes_media=True)


def _of_picking(was: EnginePart, now: EnginePart) -> Iterator[str]:
    """Where several engines have a cache each: whether a prompt goes to one that has computed its beginning."""
    if now.replicas == 1 or _picks_by_prefix(was) == _picks_by_prefix(now):
        return
    if _picks_by_prefix(now):
        yield "a prompt goes to an engine that holds its beginning, if it has room"
    else:
        yield (
            "a prompt goes to any engine, whichever holds its beginning, so that what repeats is computed on each of"
            f" {now.replicas}"
        )


def _picks_by_prefix(engine: EnginePart) -> bool:
    return engine.picker is not None and engine.picker.scores_prefixes


def _of_sharing(was: PrefixCache, now: PrefixCache) -> Iterator[str]:
    if was.sharing is now.sharing:
        if was.callers != now.callers and now.sharing is Sharing.PER_TENANT:
            yield f"the cache's memory is divided among {now.callers} tenants instead of {was.callers}"
        return
    if now.callers < 2 and Sharing.NOBODY not in (was.sharing, now.sharing):
        yield "none to speak of, since no two tenants call it"
    elif now.sharing is Sharing.PER_TENANT:
        yield (
            f"a prefix that its {now.callers} callers have in common is computed and held once for each of them instead"
            " of once; what one tenant repeats is reused as before"
        )
    elif now.sharing is Sharing.NOBODY:
        yield "every prompt is computed from its beginning, also what one tenant repeats"
    else:
        yield f"a prefix that its {now.callers} callers have in common is computed and held once for all of them"
