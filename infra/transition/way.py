"""What one update may not do to what is deployed: take jobs along, or end keys that are in use."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

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
    found = (*_pools(dropped_pools(before, after), before, platform.posture.stack), *_keys(before, after))
    return replace(platform.posture, findings=(*platform.posture.findings, *found))


def dropped_pools(before: Deployed, after: Deployed) -> dict[str, Record]:
    """Node pools on which jobs may run and that an update would delete, though none was told to leave them."""
    return {
        name: record
        for name, record in before.pools.items()
        if name not in after.pools and name not in before.retiring and before.jobs.get(name)
    }


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


def _keys(before: Deployed, after: Deployed) -> Iterator[Finding]:
    for kind, new in sorted(after.keys.items()):
        old = before.keys.get(kind)
        if old is None or kind == "master" or new in {old, old + 1}:
            continue
        back = new < old
        yield Finding(
            Severity.WARNING if back else Severity.ERROR,
            None,
            "bulkhead:tenants" if kind.startswith("tenant ") else "bulkhead:gateway",
            f"Key {old} ({kind}) is in use and key {new} is wanted: the one in use ends at once, and whoever sends it"
            " is refused. " + ("Nothing brings the former key back." if back else f"Write: {old + 1}, one at a time."),
        )
