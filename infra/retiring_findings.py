"""Pools on their way out: those whose sharing the controls in force forbid, and those that no file can tell of."""

from collections.abc import Iterator

from infra.config.pools import MigPartition, RetiringPool, TimeSlicingPartition
from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.config.words import listed, near_miss
from infra.trust.posture import Finding, Posture, Severity

_AGAINST = {
    # Who has run there is not in the stack file: it may have been one tenant, or engines alone.
    ControlId.HW1: "HW1 keeps tenants apart who may still meet on its GPUs or nodes",
    ControlId.HW2: "HW2 would refuse it among the pools in use",
}


def retiring_findings(config: StackConfig, posture: Posture) -> Iterator[Finding]:
    """Warnings: retiring pools that HW2 would refuse among the pools in use, or on which tenants meet in spite of HW1.

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
                f"Node pool {name} still stands, and {_AGAINST[control]}: what runs there goes on as before, until it"
                " ends. No engine and no new job is placed on it. Take its record out of bulkhead:retiring_pools, where"
                f" the stack file has it, and run bulkhead transition --stack {posture.stack}: it waits until nothing"
                " runs there and removes it.",
            )


def emptied_findings(config: StackConfig) -> Iterator[Finding]:
    """Warnings: pools that are said to be empty. None is in the file any more, so that a slip in a name cannot show."""
    names = [pool.node_pool_name for pool in config.gpu_pools]
    for index, name in enumerate(config.emptied_pools):
        near = near_miss(name, names)
        yield Finding(
            Severity.WARNING,
            None,
            f"bulkhead:emptied_pools[{index}]",
            f"No node pool of this file is called {name}: an update deletes it, where it is deployed and retiring, and"
            f" the word does nothing otherwise. The node pools with GPUs here are {listed(names)}."
            f" {f'Write: {near}, if that is meant. ' if near else ''}Remove the word once {name} is gone.",
        )


def _forbidding(pool: RetiringPool, config: StackConfig, in_force: frozenset[ControlId]) -> ControlId | None:
    """The control that the pool's way of sharing may break; None where none does."""
    if not pool.is_gpu:
        return None
    if isinstance(pool.partition, TimeSlicingPartition) and ControlId.HW2 in in_force:
        return ControlId.HW2
    return ControlId.HW1 if ControlId.HW1 in in_force and _passed_on(pool, config) else None


def _passed_on(pool: RetiringPool, config: StackConfig) -> bool:
    """Whether tenants whom HW1 keeps apart may meet there: on one GPU, or a sensitive one on a node of others."""
    if pool.dedicated_to is not None or len(config.tenants) == 1:
        return False
    return not isinstance(pool.partition, MigPartition) or any(tenant.sensitive for tenant in config.tenants)
