"""What one update may not do to what is deployed: take jobs along, or end keys that are in use."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from infra.blueprint.nodes import POOL_LABEL
from infra.config.words import listed, near_miss
from infra.posture import Platform
from infra.transition.pools import Renewal, renewals, replaced_pools
from infra.transition.state import ENGINE, MASTER, SALT, Deployed, Record, state_of
from infra.trust.posture import Finding, Posture, Severity

EMPTIED_KEY = "bulkhead:emptied_pools"
POOLS_KEY = "bulkhead:pools"
TENANTS_KEY = "bulkhead:tenants"


def with_way(platform: Platform, before: Deployed | None) -> Posture:
    """The platform's posture, with what there is to say where it follows `before`.

    Args:
        platform: What shall be.
        before: What is deployed; None where nothing is, or where a version deployed it that told nothing of it.
    """
    if before is None:
        return platform.posture
    after = state_of(platform.config, platform.blueprint)
    found = (
        *_pools(dropped_pools(before, after), before, platform.posture.stack),
        *_retiring(unready_pools(before, after, platform.config.emptied_pools), platform.posture.stack),
        *lasting_findings(platform, before),
    )
    return replace(platform.posture, findings=(*platform.posture.findings, *found))


def is_refused_as_one(platform: Platform, before: Deployed) -> bool:
    """Whether one plain update is refused for the pools that it would delete, so that it takes the way of `steps`."""
    after = state_of(platform.config, platform.blueprint)
    return bool(dropped_pools(before, after) or unready_pools(before, after, platform.config.emptied_pools))


def lasting_findings(platform: Platform, before: Deployed) -> Iterator[Finding]:
    """What there is to say of a change from `before` however many updates it is carried out by."""
    after, stack, emptied = (
        state_of(platform.config, platform.blueprint),
        platform.posture.stack,
        platform.config.emptied_pools,
    )
    yield from _replaced(replaced_pools(before, after), stack)
    yield from _renewed(renewals(before, after), stack)
    yield from early_words(before, emptied)
    yield from _idle_words(before, emptied)
    yield from key_findings(before, after)


def dropped_pools(before: Deployed, after: Deployed) -> dict[str, Record]:
    """Node pools that an update would delete, though no job was told to leave them.

    All of them, also those on which no tenant has a quota: an update may have taken it while jobs ran on.
    """
    return {
        name: record for name, record in before.pools.items() if name not in after.pools and name not in before.retiring
    }


def unready_pools(before: Deployed, after: Deployed, emptied: Collection[str]) -> tuple[str, ...]:
    """Retiring node pools that an update would delete, though nobody has said that nothing runs there any more.

    Jobs run on pools with GPUs alone, whatever an earlier version has told to be retiring beside them.
    """
    return tuple(sorted((before.retiring & before.pools.keys()).difference(after.pools, emptied)))


def early_words(before: Deployed, emptied: Iterable[str]) -> Iterator[Finding]:
    """Pools in use that are said to be empty: once one retires, a later update of the same file would delete it."""
    for name in sorted((before.pools.keys() - before.retiring).intersection(emptied)):
        yield Finding(
            Severity.ERROR,
            None,
            EMPTIED_KEY,
            f"Node pool {name} is not retiring yet, and the stack file says already that nothing runs there any more:"
            " an update of the same file would end the jobs that still run there while it retires. Take the word out"
            " of bulkhead:emptied_pools first, and write it once the pool is retiring and empty.",
        )


def _idle_words(before: Deployed, emptied: Iterable[str]) -> Iterator[Finding]:
    """Pools that are said to be empty and are not deployed: gone, or called otherwise."""
    for name in sorted(set(emptied) - before.pools.keys()):
        near = near_miss(name, sorted(before.retiring & before.pools.keys()))
        deployed = listed(f"{pool} (retiring)" if pool in before.retiring else pool for pool in sorted(before.pools))
        yield Finding(
            Severity.WARNING,
            None,
            EMPTIED_KEY,
            f"No node pool {name} is deployed, so that the word permits nothing. Deployed with GPUs are {deployed}."
            f" Write: {f'{near}, if that is meant; otherwise ' if near else ''}remove it.",
        )


def _pools(dropped: Mapping[str, Record], before: Deployed, stack: str) -> Iterator[Finding]:
    for name in sorted(dropped):
        tenants = ", ".join(before.jobs.get(name, ()))
        whose = f"jobs of {tenants}" if tenants else "jobs that were admitted while it had a quota"
        yield Finding(
            Severity.ERROR,
            None,
            POOLS_KEY,
            f"Node pool {name} is deployed and wanted no more, and {whose} may run on it: they would be ended"
            f" with its nodes. Run: bulkhead transition --stack {stack}, which keeps it until nothing runs there; or"
            " write its record into bulkhead:retiring_pools, update, and remove it from there in a second update.",
        )


def _replaced(pools: Mapping[str, tuple[Record, Record]], stack: str) -> Iterator[Finding]:
    for name, (was, now) in pools.items():
        yield Finding(
            Severity.ERROR,
            None,
            POOLS_KEY,
            f"Node pool {name} is deployed with {was.get('accelerator')} and shall have {now.get('accelerator')} under"
            " the same name: GKE cannot change the GPUs of nodes, so the pool would be deleted first, with the engines"
            f" and jobs on it. Write: another `name` than {now.get('name')} for the pool with"
            f" {now.get('accelerator')}, also where models and gpu_quota name it, and run: bulkhead transition --stack"
            f" {stack}, which keeps {name} until nothing runs there.",
        )


def _renewed(pools: Iterable[Renewal], stack: str) -> Iterator[Finding]:
    for pool in pools:
        yield Finding(
            Severity.WARNING,
            None,
            POOLS_KEY,
            f"{pool.words} To let jobs run to their end, update while none runs there; or write another `name` for"
            f" the pool, also where models and gpu_quota name it, and run: bulkhead transition --stack {stack}.",
        )


def _retiring(unready: Iterable[str], stack: str) -> Iterator[Finding]:
    for name in unready:
        yield Finding(
            Severity.ERROR,
            None,
            "bulkhead:retiring_pools",
            f"Node pool {name} is retiring, and the stack file no longer names it: jobs that still run there would be"
            f" ended with its nodes. Run: bulkhead transition --stack {stack}, which waits until nothing runs there and"
            " then removes it. Or, once `kubectl get pods -A -o wide` shows nothing but DaemonSets' pods on its nodes"
            f" (`kubectl get nodes -l {POOL_LABEL}={name}`) and no admitted workload of Kueue's holds quota there"
            f" (docs/how-to/raise-a-tier.md), write bulkhead:emptied_pools: [{name}] and update; or"
            " keep it by its record in bulkhead:retiring_pools, which `pulumi stack output deployed` holds under"
            " `pools`.",
        )


def key_findings(before: Deployed, after: Deployed) -> Iterator[Finding]:
    """Keys that are in use and that an update would end before anybody has their successor.

    One rule for all of them: the newest key that is deployed is among those that are taken afterwards. The master key
    and the root of the salts are left out, since replicas change over to another by themselves.
    """
    for kind in sorted(before.keys.keys() & after.keys.keys() - {MASTER, SALT}):
        used, newest = before.keys[kind], after.keys[kind]
        if used not in after.taken(kind):
            yield _engines_refuse(used, newest) if kind == ENGINE else _tenant_loses(kind, used, newest, before)


def _tenant_loses(kind: str, used: int, newest: int, before: Deployed) -> Finding:
    ends = f"Key {used} ({kind}) is in use and ends at once: whoever sends it is refused"
    if newest > used + 1:
        wrong = f"{ends} before key {newest} is known. Write: key_generation: {used + 1}, one at a time."
        return Finding(Severity.ERROR, None, TENANTS_KEY, wrong)
    if newest > used:
        return Finding(Severity.WARNING, None, TENANTS_KEY, f"{ends} until it has key {newest}.")
    return Finding(Severity.WARNING, None, TENANTS_KEY, f"{ends}. {_going_back(kind, newest, before)}")


def _going_back(kind: str, newest: int, before: Deployed) -> str:
    if newest in before.taken(kind):
        return f"Key {newest} has gone on working and is the newest again."
    where = "" if kind in before.oldest_keys else ", unless it goes on working"
    return f"Key {newest} is drawn anew{where}: nothing brings back one that has ended."


def _engines_refuse(shown: int, newest: int) -> Finding:
    """Engines that would refuse the key which the gateway shows them until it has rolled, long after them."""
    return Finding(
        Severity.ERROR,
        None,
        "bulkhead:gateway",
        f"The gateway shows its engines key {shown}, and they would take key {newest} and not that one: they roll"
        " first, and every request is refused until the gateway has rolled, too. Write: engine_key_generation:"
        f" {shown + 1} without oldest_engine_key_generation, update, and end the former key in an update of its own.",
    )
