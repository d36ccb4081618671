"""Pools on their way out whose GPUs are shared as the controls in force would no longer have it."""

from collections.abc import Iterator

from infra.config.pools import RetiringPool, TimeSlicingPartition, WholePartition
from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.trust.posture import Finding, Posture, Severity


def retiring_findings(config: StackConfig, posture: Posture) -> Iterator[Finding]:
    """Warnings: retiring pools that HW1 or HW2, where in force, would refuse among the pools in use.

    They are allowed for as long as jobs end there, and the posture says nothing else of them: controls judge what is
    placed, and nothing is placed on such a pool any more.
    """
    for index, pool in enumerate(config.retiring_pools):
        control = _forbidding(pool, config, posture.in_force)
        if control is not None:
            name = pool.node_pool_name
            yield Finding(
                Severity.WARNING,
                control,
                f"bulkhead:retiring_pools[{index}]",
                f"Node pool {name} still stands, and {control} would refuse it among the pools in use: jobs that run"
                f" there share its GPUs as before, until they end. No engine and no new job is placed on it. End it by"
                f" the next step: bulkhead transition --stack {posture.stack}, which waits until nothing runs there and"
                " removes it.",
            )


def _forbidding(pool: RetiringPool, config: StackConfig, in_force: frozenset[ControlId]) -> ControlId | None:
    """The control that the pool's way of sharing breaks; None where none does."""
    shared_in_time = isinstance(pool.partition, TimeSlicingPartition)
    if not pool.is_gpu:
        return None
    if shared_in_time and ControlId.HW2 in in_force:
        return ControlId.HW2
    if ControlId.HW1 in in_force and (shared_in_time or _passed_on(pool, config)):
        return ControlId.HW1
    return None


def _passed_on(pool: RetiringPool, config: StackConfig) -> bool:
    """Whether tenants whom HW1 keeps apart may meet there: on whole GPUs, or a sensitive one on a node of others."""
    if pool.dedicated_to is not None or len(config.tenants) == 1:
        return False
    return isinstance(pool.partition, WholePartition) or any(tenant.sensitive for tenant in config.tenants)
