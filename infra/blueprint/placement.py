"""Who may use which GPUs: read off a blueprint's queues and engines, and narrowed so that tenants do not meet on one.

A tenant's jobs run the tenant's own code, so what a job finds on a GPU is the tenant's to look at. An engine runs the
platform's code alone, whoever it serves: what its callers may learn through it is the caches' matter and not the
hardware's. So two engines do not meet on a GPU, and a job meets everybody whose prompts an engine may have left there.

MIG separates the memory and the faults of one GPU's instances in hardware; time-slicing and MPS separate neither
(NVIDIA's MIG user guide). A GPU that is handed out whole is one tenant's at a time, and the next one's afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from infra.blueprint.caches import served_by
from infra.blueprint.model import (
    Blueprint,
    ClusterQueuePart,
    EnginePart,
    PoolPart,
    QuotaPart,
    TenantPart,
    TimeSlicingPart,
)


@dataclass(frozen=True)
class EngineUse:
    """One model's engines on a pool.

    Attributes:
        name: The engine's name.
        replicas: Engines of it.
        spare: Engines for which devices are kept free, so that a successor comes before an engine goes.
        devices: Devices that each of them takes.
        serves: Names of the tenants whose prompts it works on.
    """

    name: str
    replicas: int
    spare: int
    devices: int
    serves: frozenset[str]

    @property
    def devices_in_all(self) -> int:
        """Devices that all replicas take together, and those that are kept free for a successor."""
        return (self.replicas + self.spare) * self.devices


@dataclass(frozen=True)
class QueueUse:
    """One tenant's jobs on a pool.

    Attributes:
        guaranteed: Devices that are the tenant's whenever it wants them.
        borrows: Whether it may take more of what is idle.
    """

    tenant: str
    guaranteed: int
    borrows: bool


@dataclass(frozen=True)
class PoolPlacement:
    """Who may use the GPUs of one pool.

    Attributes:
        engines: Sorted by name.
        queues: Sorted by the tenant's name; only those whose jobs may run here.
    """

    pool: PoolPart
    engines: tuple[EngineUse, ...]
    queues: tuple[QueueUse, ...]

    @property
    def served(self) -> frozenset[str]:
        """The tenants whose prompts engines work on here."""
        return frozenset(tenant for engine in self.engines for tenant in engine.serves)

    @property
    def working(self) -> frozenset[str]:
        """The tenants whose own code may run here."""
        return frozenset(queue.tenant for queue in self.queues)

    @property
    def tenants(self) -> frozenset[str]:
        """Everybody whose code runs, or whose prompts are worked on, on this pool's nodes."""
        return self.served | self.working

    @property
    def promised(self) -> int:
        """Devices that engines take and that queues guarantee."""
        return sum(engine.devices_in_all for engine in self.engines) + sum(queue.guaranteed for queue in self.queues)

    @property
    def shared_in_time(self) -> bool:
        """Whether one GPU is handed to several clients in turn."""
        return isinstance(self.pool.partition, TimeSlicingPart)

    @property
    def tenants_meet_on_a_gpu(self) -> bool:
        """Whether a tenant's code may run on a GPU beside or after what is another tenant's, without a boundary."""
        if self.pool.is_mig:
            return False
        return len(self.tenants) > 1 and (self.shared_in_time or bool(self.working))


@dataclass(frozen=True)
class Placement:
    """Who may use which GPUs; pools sorted by name."""

    pools: tuple[PoolPlacement, ...]

    def of(self, name: str) -> PoolPlacement:
        """The pool of that name; raises KeyError when there is none."""
        for pool in self.pools:
            if pool.pool.name == name:
                return pool
        raise KeyError(name)


def placement_of(blueprint: Blueprint) -> Placement:
    """Who may use which GPUs of `blueprint`, by its queues and engines as they are."""
    return Placement(tuple(_pool_placement(blueprint, pool) for pool in blueprint.pools if pool.is_gpu))


def _pool_placement(blueprint: Blueprint, pool: PoolPart) -> PoolPlacement:
    engines = (engine for engine in blueprint.engines if engine.flavor == pool.flavor)
    queues = (queue for part in blueprint.quota.cluster_queues if (queue := _queue_use(part, pool.flavor)))
    return PoolPlacement(
        pool=pool,
        engines=tuple(sorted((_engine_use(engine, blueprint) for engine in engines), key=lambda engine: engine.name)),
        queues=tuple(sorted(queues, key=lambda queue: queue.tenant)),
    )


def _engine_use(engine: EnginePart, blueprint: Blueprint) -> EngineUse:
    devices = engine.devices.count if engine.devices else 0
    return EngineUse(
        engine.name, engine.replicas, engine.engines_at_most - engine.replicas, devices, served_by(blueprint, engine)
    )


def _queue_use(queue: ClusterQueuePart, flavor: str) -> QueueUse | None:
    quotas = (quota for group in queue.groups for quota in group.flavors if quota.flavor == flavor)
    quota = next(quotas, None)
    if quota is None or queue.tenant is None:
        return None
    borrows = quota.borrowing_limit != 0
    return QueueUse(queue.tenant, quota.nominal, borrows) if quota.nominal or borrows else None


# --- no two tenants on one GPU ----------------------------------------------------------------------------------


def hard_partition(blueprint: Blueprint) -> QuotaPart:
    """The queues of `blueprint`, each kept to pools on which its tenant meets no other tenant on one GPU.

    A tenant's jobs stay on pools that are dedicated to it, on MIG instances, and on open pools whose GPUs nobody else
    uses; a sensitive tenant's, which are to meet nobody on a node either, on pools that are dedicated to it. With one
    tenant there is nobody to meet.
    """
    placement = placement_of(blueprint)
    tenants = {tenant.name: tenant for tenant in blueprint.tenants}
    alone = len(tenants) == 1

    def kept(queue: ClusterQueuePart) -> ClusterQueuePart:
        if queue.tenant is None or alone:
            return queue
        tenant = tenants[queue.tenant]
        return _on_flavors(queue, {use.pool.flavor: _may_work_on(tenant, use) for use in placement.pools})

    queues = tuple(map(kept, blueprint.quota.cluster_queues))
    return replace(blueprint.quota, cluster_queues=queues, hard_partition=True)


def _may_work_on(tenant: TenantPart, use: PoolPlacement) -> bool:
    if use.pool.dedicated_to is not None or tenant.sensitive:
        return use.pool.dedicated_to == tenant.name
    return use.pool.is_mig or _claimants(use) == frozenset({tenant.name})


def _claimants(use: PoolPlacement) -> frozenset[str]:
    """Who has a claim to a pool's GPUs: quota there, or prompts in its engines; borrowing alone gives none."""
    return use.served | {queue.tenant for queue in use.queues if queue.guaranteed}


def _on_flavors(queue: ClusterQueuePart, allowed: Mapping[str, bool]) -> ClusterQueuePart:
    groups = (
        replace(group, flavors=tuple(quota for quota in group.flavors if allowed[quota.flavor]))
        for group in queue.groups
    )
    return replace(queue, groups=tuple(group for group in groups if group.flavors))
