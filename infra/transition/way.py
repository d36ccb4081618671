"""What one update may not do to what is deployed: take jobs along, or end keys that are in use."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from infra.config.rotation import accepted_generations
from infra.config.stack import StackConfig
from infra.posture import Platform
from infra.transition.state import Deployed, Record, state_of
from infra.trust.posture import Finding, Posture, Severity

POOLS_KEY = "bulkhead:pools"


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
        *_keys(before, after),
        *_engine_keys(before, platform.config),
    )
    return replace(platform.posture, findings=(*platform.posture.findings, *found))


def dropped_pools(before: Deployed, after: Deployed) -> dict[str, Record]:
    """Node pools on which jobs may run and that an update would delete, though none was told to leave them."""
    return {
        name: record
        for name, record in before.pools.items()
        if name not in after.pools and name not in before.retiring and before.jobs.get(name)
    }


def unready_pools(before: Deployed, after: Deployed, emptied: Collection[str]) -> tuple[str, ...]:
    """Retiring node pools that an update would delete, though nobody has said that nothing runs there any more."""
    return tuple(sorted(before.retiring.difference(after.pools, emptied)))


def _pools(dropped: Mapping[str, Record], before: Deployed, stack: str) -> Iterator[Finding]:
    for name in sorted(dropped):
        tenants = ", ".join(before.jobs[name])
        yield Finding(
            Severity.ERROR,
            None,
            POOLS_KEY,
            f"Node pool {name} is deployed and wanted no more, and jobs of {tenants} may run on it: they would be ended"
            f" with its nodes. Run: bulkhead transition --stack {stack}, which keeps it until nothing runs there; or"
            " write its record into bulkhead:retiring_pools, update, and remove it from there in a second update.",
        )


def _retiring(unready: Iterable[str], stack: str) -> Iterator[Finding]:
    for name in unready:
        yield Finding(
            Severity.ERROR,
            None,
            "bulkhead:retiring_pools",
            f"Node pool {name} is retiring, and the stack file no longer names it: jobs that still run there would be"
            f" ended with its nodes. Run: bulkhead transition --stack {stack}, which waits until nothing runs there and"
            f" then removes it. Or, once `kubectl get pods -A` shows nothing on it, write bulkhead:emptied_pools:"
            f" [{name}] and update; or keep it by its record in bulkhead:retiring_pools, which `pulumi stack output"
            " deployed` holds under `pools`.",
        )


def _keys(before: Deployed, after: Deployed) -> Iterator[Finding]:
    for kind, new in sorted(after.keys.items()):
        old = before.keys.get(kind)
        if old is None or kind in {"engine", "master"} or new in {old, old + 1}:
            continue
        back = new < old
        yield Finding(
            Severity.WARNING if back else Severity.ERROR,
            None,
            "bulkhead:tenants",
            f"Key {old} ({kind}) is in use and key {new} is wanted: the one in use ends at once, and whoever sends it"
            " is refused. " + ("Nothing brings the former key back." if back else f"Write: {old + 1}, one at a time."),
        )


def _engine_keys(before: Deployed, config: StackConfig) -> Iterator[Finding]:
    """Engines that would refuse the key which the gateway shows them until it has rolled, long after them."""
    shown = before.keys.get("engine")
    newest, oldest = config.gateway.engine_key_generation, config.gateway.oldest_engine_key_generation
    if shown is None or shown in accepted_generations(newest, oldest):
        return
    yield Finding(
        Severity.ERROR,
        None,
        "bulkhead:gateway",
        f"The gateway shows its engines key {shown}, and they would take key {newest} alone: they roll first, and every"
        f" request is refused until the gateway has rolled as well. Write: engine_key_generation: {shown + 1} without"
        " oldest_engine_key_generation, update, and end the former key in an update of its own.",
    )
