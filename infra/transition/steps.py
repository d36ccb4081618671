"""The way from what is deployed to what shall be: as few updates as lose nothing, and why each is one by itself.

One update is enough for nearly everything, since of each it holds (`tests/plan/test_one_update.py`):

- Pulumi makes and changes first, and deletes last what is no longer wanted.
- A network policy comes before the pods that it is for, and an admission policy before what it judges.
- The gateway waits for its engines, and its replicas and those of CPU engines come before those that they replace.
- Nothing that holds data, no key and no node pool is replaced or deleted by another tier.

What an update cannot do is wait for somebody else's work: a node pool that goes takes the jobs on it along, and so does
a node that is renewed, for a larger boot disk or as another machine.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from infra.blueprint.model import EnginePart
from infra.config.models import CacheIsolation
from infra.config.pools import RetiringPool
from infra.config.trust import ControlId
from infra.posture import Platform
from infra.transition.pools import renewals
from infra.transition.state import ENGINE, Deployed, Record, state_of
from infra.trust.lowering import DeployedPosture


@dataclass(frozen=True)
class Step:
    """One update.

    Attributes:
        title: What it is, in a few words.
        because: Why it is an update by itself.
        retiring: The pools that the stack file of this step keeps beside its own, as `bulkhead:retiring_pools`.
        empty: Node pools on which nothing may run any more before it is begun; the stack file of this step says that it
            is so, as `bulkhead:emptied_pools`.
        adds: What is made, one sentence each.
        moves: What goes elsewhere or is restarted.
        removes: What is deleted, last.
        stays: What is lost sight of easily: who has to do something, and what goes on as before.
    """

    title: str
    because: str
    retiring: tuple[Record, ...] = ()
    empty: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()


JUDGE_NEW_PODS = frozenset({ControlId.SR2, ControlId.HW1, ControlId.HW2, ControlId.HW3})
"""Controls that judge pods when they are made, and no pod that runs."""
ONE = "One update does it: what comes is there before what goes, and nothing that holds data is touched."
RENEWED = (
    "One update does it, and some nodes are renewed on the way, with what runs on them. Nothing that holds data is"
    " touched."
)
FIRST = "Jobs may run on a node pool that goes. Its successor is made and everything else moves; its nodes stay."
LAST = "Nothing runs on the pool any more."


def steps(before: Deployed, posture: DeployedPosture, target: Platform) -> tuple[Step, ...]:
    """The updates that lead from `before` to `target`; at least one, which may change nothing.

    Args:
        before: What is deployed.
        posture: What it claims.
        target: What shall be.
    """
    after = state_of(target.config, target.blueprint)
    going = {name: record for name, record in before.pools.items() if name not in after.pools}
    if not going:
        because = RENEWED if renewals(before, after) else ONE
        return (_described(Step("update", because), before, after, posture, target),)
    held = replace(
        after,
        pools={**after.pools, **going},
        flavors=after.flavors | going.keys(),
        retiring=after.retiring | going.keys(),
    )
    records = (*_kept(target.config.retiring_pools, after), *going.values())
    first = _described(Step("move", FIRST, retiring=records), before, held, posture, target)
    first = replace(
        first,
        stays=(*_jobs_that_stay(going, before), *first.stays),
    )
    last = Step(
        "remove",
        LAST,
        empty=tuple(sorted(going)),
        removes=tuple(f"Node pool {name} and its flavor." for name in sorted(going)),
    )
    return (last,) if _is_done(before, held, posture, target) else (first, last)


def _kept(pools: Iterable[RetiringPool], state: Deployed) -> Iterator[Record]:
    """The pools that the stack file itself keeps; the state has records of those with GPUs alone."""
    for pool in sorted(pools, key=lambda pool: pool.node_pool_name):
        yield state.pools.get(pool.node_pool_name) or pool.model_dump(mode="json", exclude_defaults=True)


def _is_done(before: Deployed, held: Deployed, posture: DeployedPosture, target: Platform) -> bool:
    """Whether the first update has been made: what is left of a difference the last one carries out as well."""
    acting = frozenset(row.control.id for row in target.posture.controls if row.state.acts)
    return before == held and posture.tier is target.posture.tier and posture.in_force == acting


def _described(step: Step, before: Deployed, after: Deployed, posture: DeployedPosture, target: Platform) -> Step:
    acts = {row.control.id: row.control.title for row in target.posture.controls if row.state.acts}
    titles = {row.control.id: row.control.title for row in target.posture.controls}
    lost = sorted(one for one in posture.in_force if one not in acts)
    return replace(
        step,
        adds=(
            *(f"{control} ({title})." for control, title in acts.items() if control not in posture.in_force),
            *(f"{_pool(name, after)}." for name in sorted(after.flavors - before.flavors)),
            *(f"Engines {name}." for name in sorted(after.engines.keys() - before.engines.keys())),
            *(f"Tenant {name}: account, key and queue." for name in sorted(after.queues.keys() - before.queues.keys())),
            *_new_keys(before, after),
        ),
        moves=(
            *(pool.words for pool in renewals(before, after)),
            *_moves(before, after),
            *_fewer_engines(before, after, target.blueprint.engines),
        ),
        removes=(
            *(f"{control} ({titles[control]})." for control in lost),
            *(f"{_pool(name, before)}." for name in sorted(before.flavors - after.flavors)),
            *(f"Engines {name}." for name in sorted(before.engines.keys() - after.engines.keys())),
            *(
                f"Tenant {name}: blocked, its spend is kept."
                for name in sorted(before.queues.keys() - after.queues.keys())
            ),
            *(f"Queue of {name} in {before.queues[name]}." for name in _moved(before.queues, after.queues)),
            *_ended_keys(before, after),
        ),
        stays=(*_admitted_before(acts.keys() - posture.in_force), *_queue_notes(before, after)),
    )


def _pool(name: str, state: Deployed) -> str:
    return f"Node pool {name}" if name in state.pools else f"Flavor {name}, of nodes that are its operator's"


def _moved(before: Mapping[str, str | int], after: Mapping[str, str | int]) -> list[str]:
    return sorted(name for name in before.keys() & after.keys() if before[name] != after[name])


def _new_keys(before: Deployed, after: Deployed) -> Iterator[str]:
    for kind in sorted(before.keys.keys() & after.keys.keys()):
        # Of the keys before the newest a version may have told nothing: they are not said to be new.
        come = after.taken(kind) if kind in before.oldest_keys else {after.keys[kind]}
        for generation in sorted(come - before.taken(kind)):
            yield f"Key {generation} ({kind})."


def _ended_keys(before: Deployed, after: Deployed) -> Iterator[str]:
    for kind in sorted(before.keys.keys() & after.keys.keys()):
        for generation in sorted(before.taken(kind) - after.taken(kind)):
            yield f"Key {generation} ({kind})."


def _moves(before: Deployed, after: Deployed) -> Iterator[str]:
    for name in _moved(before.engines, after.engines):
        yield f"Engines {name}: from {before.engines[name] or 'any node'} to {after.engines[name] or 'any node'}."
    for name in _moved(before.caches, after.caches):
        yield f"Cache of {name}: from {before.caches[name] or 'shared'} to {after.caches[name] or 'shared'}."
    for name in _moved(before.media, after.media):
        was, now = (state.media[name] or "none" for state in (before, after))
        yield f"Media of {name}: from {was} of each kind in a request to {now}."
    for name in _moved(before.queues, after.queues):
        yield f"Queue of {name}: from {before.queues[name]} to {after.queues[name]}."


def _fewer_engines(before: Deployed, after: Deployed, engines: Iterable[EnginePart]) -> Iterator[str]:
    """What is away meanwhile: on GPUs an engine goes before its successor starts, unless a spare GPU is kept for it."""
    for engine in engines:
        if engine.devices is None or engine.surge or not _restarts(engine.name, before, after):
            continue
        if engine.replicas == 1:
            # A pool that comes with the change is made for one more engine at once, and none of its nodes are renewed.
            when = " in the same change" if after.engines[engine.name] in after.flavors - before.flavors else ""
            yield (
                f"{engine.name} is away until its new engine has loaded: it has one on GPUs, which goes first. With"
                f" `surge: true`{when}, or two replicas, it would not be."
            )
        else:
            yield f"{engine.name} has one engine fewer of {engine.replicas} while they restart by turns."


def _restarts(name: str, before: Deployed, after: Deployed) -> bool:
    """Whether engines that are there get other nodes, keys or limits of media, or begin or end to keep prefixes."""
    if name not in before.engines:
        return False
    keeps = [state.caches.get(name) != CacheIsolation.OFF for state in (before, after)]
    return (
        before.engines[name] != after.engines[name]
        or _engine_keys_differ(before, after)
        or name in _moved(before.media, after.media)
        or (name in before.caches and keeps[0] != keeps[1])
    )


def _engine_keys_differ(before: Deployed, after: Deployed) -> bool:
    if ENGINE not in before.oldest_keys:
        return before.keys.get(ENGINE) != after.keys.get(ENGINE)
    return before.taken(ENGINE) != after.taken(ENGINE)


def _admitted_before(new: Iterable[ControlId]) -> Iterator[str]:
    if judging := sorted(JUDGE_NEW_PODS.intersection(new)):
        yield (
            f"Pods that run were admitted before {', '.join(judging)} judged any, and stay until they end: look at who"
            " runs where (`kubectl get workloads -A`), and end what must not."
        )


def _queue_notes(before: Deployed, after: Deployed) -> Iterator[str]:
    for name in _moved(before.queues, after.queues):
        if before.queues[name] in before.deleted:
            yield (
                f"Namespace {before.queues[name]} goes with its jobs and volumes: `when_removed: delete` was"
                " deployed. To keep them, write `keep` and update first."
            )
            continue
        yield (
            f"Jobs of {name} that run in {before.queues[name]} run to their end, counted against the same quota. Those"
            f" that wait there are admitted no more: {name} sends them again to {after.queues[name]}."
        )


def _jobs_that_stay(going: Mapping[str, Record], before: Deployed) -> Iterator[str]:
    for name in sorted(going):
        tenants = ", ".join(before.jobs.get(name, ()))
        yield f"Jobs on {name}{f' (of {tenants})' if tenants else ''} run to their end; no new one is admitted there."
