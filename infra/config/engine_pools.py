"""Which pool runs whose engines of a model: the one rule for it.

A model's engines run on the model's `pool`. A sensitive tenant meets nobody on a node with GPUs, so what engines it has
of its own run on a pool that is dedicated to it, as soon as it has one that can do what the model's pool does.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from infra.config.accelerators import dotted
from infra.config.asking import asks_for
from infra.config.caches import engine_owners, isolation_in_force, sharers
from infra.config.models import Model
from infra.config.pools import MigPartition, Pool, TimeSlicingPartition
from infra.config.tenants import Tenant
from infra.config.trust import ControlId, Trust
from infra.config.words import counted


@dataclass(frozen=True)
class EngineGroup:
    """Engines of one model that work for the same tenants.

    Attributes:
        owner: The tenant whose own they are; None where several may share them.
        serves: Names of the tenants whose prompts they work on.
        pool: The name of the pool that runs them.
    """

    owner: str | None
    serves: frozenset[str]
    pool: str


def groups_asked_for(
    model: Model, tenants: Iterable[Tenant], pools: Iterable[Pool], trust: Trust | None
) -> tuple[EngineGroup, ...]:
    """The engines that serve a model as the stack file asks for it: with KV1 a sensitive tenant has its own.

    Args:
        model: The model.
        tenants: The stack's tenants.
        pools: The stack's pools.
        trust: What the stack file says of trust; None where it cannot be read, and KV1 counts as not asked for.
    """
    return engine_groups(model, tenants, pools, scoped=trust is not None and asks_for(ControlId.KV1, trust))


def engine_groups(
    model: Model, tenants: Iterable[Tenant], pools: Iterable[Pool], *, scoped: bool
) -> tuple[EngineGroup, ...]:
    """The engines that serve a model, by whose they are.

    Args:
        model: The model.
        tenants: The stack's tenants.
        pools: The stack's pools.
        scoped: Whether KV1 is in force, which sets sensitive tenants apart.
    """
    known = tuple(pools)
    callers = {tenant.name: tenant for tenant in tenants if model.name in tenant.models}
    isolation = isolation_in_force(model.cache_isolation, scoped=scoped)
    owners = engine_owners(isolation, callers.values(), scoped=scoped)
    shared = sharers(callers.values(), owners)
    return tuple(
        EngineGroup(None, shared, model.pool)
        if owner is None
        else EngineGroup(owner, frozenset({owner}), pool_of_own_engines(model, callers[owner], known))
        for owner in owners
    )


def pool_of_own_engines(model: Model, tenant: Tenant, pools: Collection[Pool]) -> str:
    """The name of the pool that runs the engines of `model` that are `tenant`'s own, where it has any.

    Of several that can, one whose nodes nobody reclaims comes first, then one with the model's own flavour, then the
    one with the least memory on a device.
    """
    home = next((pool for pool in pools if pool.name == model.pool), None)
    if home is None or not home.is_gpu or not tenant.sensitive or home.dedicated_to == tenant.name:
        return model.pool
    able = (pool for pool in pools if pool.dedicated_to == tenant.name and obstacle(model, home, pool) is None)
    best = min(
        able, key=lambda pool: (pool.spot, pool.flavor != home.flavor, pool.device_gigabytes, pool.name), default=home
    )
    return best.name


def obstacle(model: Model, home: Pool, pool: Pool) -> str | None:
    """Why `pool` cannot run engines of `model`, whose own pool is `home`, in words; None where it can.

    Nothing here knows how much memory a model takes or which kernels it needs. What runs on a device of `home` runs on
    one that has as much memory, on a GPU with the same compute capability or a higher one. Nobody's prompts leave nodes
    with encrypted memory, or a sandbox, for nodes without.
    """
    return next(_obstacles(model, home, pool), None)


def _obstacles(model: Model, home: Pool, pool: Pool) -> Iterator[str]:
    devices = model.devices
    if not pool.is_gpu:
        yield "it has no GPUs"
    if isinstance(pool.partition, TimeSlicingPartition):
        yield "its GPUs are shared in time"
    if devices > 1 and isinstance(pool.partition, MigPartition):
        yield f"an engine takes {devices} devices, and MIG instances exchange no data"
    if devices > pool.devices_on_each_node:
        yield f"an engine takes {counted(devices, 'device')}, and a node has {pool.devices_on_each_node}"
    if pool.device_gigabytes < home.device_gigabytes:
        yield f"a device has {pool.device_gigabytes} GB, and one of {home.name} {home.device_gigabytes} GB"
    if pool.compute_capability < home.compute_capability:
        yield (
            f"its GPUs have compute capability {dotted(pool.compute_capability)}, and those of {home.name}"
            f" {dotted(home.compute_capability)}"
        )
    if home.confidential and not pool.confidential:
        yield f"the memory of its nodes is not encrypted, and that of {home.name}'s is"
    # What runs without a sandbox is not known to run in one, and what runs in one may need it.
    if pool.sandbox is not home.sandbox:
        yield f"its sandbox is {pool.sandbox or 'none'}, and that of {home.name} is {home.sandbox or 'none'}"
