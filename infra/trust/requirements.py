"""Which controls the facts of a stack require, and which fact requires each.

Source: the triggers of the platform's trust model. Every control ships dormant, and each one is required as soon as
the assumption that lets it sleep no longer holds: one tenant and one GPU flavour (SR), tenants who trust each other
(NS), tenants who do not attack (KV), hardware that no two of them share (HW).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from infra.config.engine_pools import groups_asked_for
from infra.config.pools import MigPartition, Pool
from infra.config.stack import StackConfig
from infra.config.trust import ControlId, TenantRelation
from infra.trust.own_pools import pool_to_add

SHARING = (ControlId.SR1, ControlId.SR2, ControlId.SR3)
"""Required as soon as there is a second tenant or GPU flavour."""

ISOLATION = (ControlId.NS1, ControlId.NS2, ControlId.NS3, ControlId.NS4)
"""Required as soon as tenants distrust each other."""

CACHE = (ControlId.KV1, ControlId.KV2, ControlId.KV3)
"""Required as soon as tenants may attack each other."""

HARDWARE = (ControlId.HW1, ControlId.HW2, ControlId.HW3)
"""Required wherever tenants who may attack each other share GPUs."""

_NAMES_SHOWN = 3


@dataclass(frozen=True)
class Requirement:
    """One fact that requires one control.

    Attributes:
        control: The control that is required.
        trigger: The fact, in words that complete "required, since ...".
        path: The key of the stack file that states the fact.
        only_by: What to write where only the stack's hardware can satisfy the requirement and no tier does by itself;
            empty otherwise.
    """

    control: ControlId
    trigger: str
    path: str
    only_by: str = ""


@dataclass(frozen=True)
class GpuUse:
    """Who uses one GPU pool, and whose engines run there.

    Attributes:
        pool: The pool.
        tenants: Names of the tenants whose jobs may run there, if only on what they borrow, or who may call a model
            that runs there.
        engines: For each Deployment of engines that runs there, names of the tenants whose prompts they work on.
    """

    pool: Pool
    tenants: frozenset[str]
    engines: tuple[frozenset[str], ...]

    @property
    def shared(self) -> bool:
        """Whether more than one tenant meets on the pool's GPUs."""
        return self.pool.dedicated_to is None and len(self.tenants) > 1

    def is_own_hardware_of(self, tenant: str) -> bool:
        """Whether `tenant` meets nobody on a device here: the pool is its own, or MIG and its engines are its own.

        MIG separates memory and faults in hardware; time-slicing and MPS separate neither (NVIDIA's MIG user guide).
        """
        if self.pool.dedicated_to is not None:
            return self.pool.dedicated_to == tenant
        shared_engine = any(tenant in served and len(served) > 1 for served in self.engines)
        return isinstance(self.pool.partition, MigPartition) and not shared_engine


def requirements(config: StackConfig) -> tuple[Requirement, ...]:
    """Every requirement that the facts of `config` lead to; the same for every order of tenants, pools and models."""
    return (
        *_of_sharing(config),
        *_of_relation(config),
        *_of_shared_hardware(config),
        *_of_sensitive_tenants(config),
    )


def gpu_uses(config: StackConfig) -> tuple[GpuUse, ...]:
    """Who may use each GPU pool, through a queue or through a model; sorted by the pool's name."""
    admitted: dict[str, set[str]] = {pool.name: set() for pool in config.pools}
    for tenant in config.tenants:
        for pool in config.pools_open_to(tenant):
            admitted[pool.name].add(tenant.name)
    groups = [
        group
        for model in config.models
        for group in groups_asked_for(model, config.tenants, config.pools, config.trust)
    ]
    return tuple(
        _use_of(pool, admitted[pool.name], [group.serves for group in groups if group.pool == pool.name])
        for pool in sorted(config.gpu_pools, key=lambda pool: pool.name)
    )


def _use_of(pool: Pool, admitted: set[str], served: Collection[frozenset[str]]) -> GpuUse:
    return GpuUse(pool=pool, tenants=frozenset(admitted.union(*served)), engines=tuple(served))


def _of_sharing(config: StackConfig) -> Iterator[Requirement]:
    tenants = {tenant.name for tenant in config.tenants}
    if len(tenants) > 1:
        trigger = f"{len(tenants)} tenants share the cluster ({_listed(tenants)})"
        yield from (Requirement(control, trigger, "bulkhead:tenants") for control in SHARING)
    flavors = {pool.flavor for pool in config.gpu_pools}
    if len(flavors) > 1:
        trigger = f"the cluster has {len(flavors)} GPU flavours ({_listed(flavors)})"
        yield from (Requirement(control, trigger, "bulkhead:pools") for control in SHARING)


def _of_relation(config: StackConfig) -> Iterator[Requirement]:
    relation = config.trust.tenants
    if relation is TenantRelation.COOPERATIVE:
        return
    trigger = f"tenants are declared {relation}"
    controls = ISOLATION if relation is TenantRelation.DISTRUSTING else ISOLATION + CACHE
    yield from (Requirement(control, trigger, "bulkhead:trust.tenants") for control in controls)


def _of_shared_hardware(config: StackConfig) -> Iterator[Requirement]:
    if config.trust.tenants is not TenantRelation.UNTRUSTED:
        return
    for use in gpu_uses(config):
        if use.shared:
            trigger = f"{len(use.tenants)} untrusted tenants share the GPUs of pool {use.pool.name}"
            trigger = f"{trigger} ({_listed(use.tenants)})"
            yield from (Requirement(control, trigger, "bulkhead:trust.tenants") for control in HARDWARE)


def _of_sensitive_tenants(config: StackConfig) -> Iterator[Requirement]:
    sensitive = {tenant.name: index for index, tenant in enumerate(config.tenants) if tenant.sensitive}
    # One tenant meets nobody, as in `hard_partition`, which closes it nothing.
    if not sensitive or len(config.tenants) == 1:
        return
    uses = gpu_uses(config)
    for name in sorted(sensitive):
        for use in uses:
            if name in use.tenants and not use.is_own_hardware_of(name):
                yield _exposure(config, sensitive[name], use)


def _exposure(config: StackConfig, index: int, use: GpuUse) -> Requirement:
    pool, tenant = use.pool, config.tenants[index]
    elsewhere = pool_to_add(config, tenant, pool) or (
        f"a pool of its own (dedicated_to: {tenant.name}), since {pool.name} is dedicated to {pool.dedicated_to}"
        if pool.dedicated_to is not None
        else f"dedicated_to: {tenant.name} on pool {pool.name}, or move the tenant to a pool with `dedicated_to` or to"
        f" a MIG pool where no other tenant may call the models that it calls"
    )
    return Requirement(
        control=ControlId.HW1,
        trigger=f"tenant {tenant.name} is sensitive and the GPUs of pool {pool.name} are not its own",
        path=f"bulkhead:tenants[{index}].sensitive",
        only_by=elsewhere,
    )


def _listed(names: Iterable[str]) -> str:
    """The first names in order, and how many more there are: messages stay short with a thousand tenants."""
    ordered = sorted(names)
    shown = ", ".join(ordered[:_NAMES_SHOWN])
    more = len(ordered) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
