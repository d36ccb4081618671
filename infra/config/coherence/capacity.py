"""Capacity: engines and guaranteed quotas fit what the pools can grow to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.config.draft import Draft, at
from infra.config.engine_pools import groups_asked_for
from infra.config.models import Model
from infra.config.paths import Location
from infra.config.pools import Pool, TimeSlicingPartition
from infra.config.problem import Problem
from infra.config.tenants import Tenant
from infra.config.words import added, counted, engines_in_words, listed

Engines = Counter[tuple[str, str]]
"""(pool, model) → engines of the model that the pool may run at once."""


@dataclass(frozen=True)
class Claim:
    """What one model's engines or one tenant's quota takes of a pool.

    Attributes:
        owner: In words, as `model llama-8b, 2 engines x 1`.
        devices: Devices taken.
    """

    owner: str
    devices: int


def check_capacity(draft: Draft) -> Iterator[Problem]:
    """Node ranges, quotas and sums of devices."""
    for index, pool in draft.pools.read.items():
        if pool.nodes.min > pool.nodes.max:
            yield Problem(
                at("pools", index, "nodes", "min"),
                f"the pool has at least {pool.nodes.min} nodes and at most {pool.nodes.max}",
                "no number of nodes satisfies both",
                f"min: {pool.nodes.max} or less, or max: {pool.nodes.min} or more",
            )
    yield from _quotas(draft)
    engines = _engines(draft)
    for index, model in draft.models.read.items():
        yield from _engines_of_one_model(draft, engines, index, model)
    if draft.sums_are_known:
        for index, pool in draft.pools.read.items():
            if pool.is_gpu and pool.name in draft.pools.by_name and pool.nodes.min <= pool.nodes.max:
                yield from _sum(draft, engines, index, pool)


def _quotas(draft: Draft) -> Iterator[Problem]:
    for index, tenant in draft.tenants.read.items():
        if isinstance(tenant.gpu_quota, Mapping):
            for name, devices in tenant.gpu_quota.items():
                pool = draft.pools.by_name.get(name)
                if pool is not None:
                    yield from _quota(draft, tenant, pool, devices, at("tenants", index, "gpu_quota", name))
        elif tenant.gpu_quota and draft.pools.all_read:
            yield from _plain_quota(draft, index, tenant, tenant.gpu_quota)


def _plain_quota(draft: Draft, index: int, tenant: Tenant, devices: int) -> Iterator[Problem]:
    gpu_pools = _gpu_pool_names(draft)
    if not gpu_pools:
        yield Problem(
            at("tenants", index, "gpu_quota"),
            f"{counted(devices, 'device')} are guaranteed, and no pool has GPUs",
            "the tenant's jobs would wait for ever",
            "gpu_quota: 0, or add a pool with GPUs",
        )
    elif len(gpu_pools) > 1:
        yield Problem(
            at("tenants", index, "gpu_quota"),
            f"a plain number does not say of which of {len(gpu_pools)} GPU pools: {listed(gpu_pools)}",
            "a choice made for you might be the wrong GPU",
            f"a map, as gpu_quota: {{{gpu_pools[0]}: {devices}}}",
        )
    elif (pool := draft.pools.by_name.get(gpu_pools[0])) is not None:
        yield from _quota(draft, tenant, pool, devices, at("tenants", index, "gpu_quota"))


def _gpu_pool_names(draft: Draft) -> list[str]:
    return list(dict.fromkeys(pool.name for pool in draft.pools.read.values() if pool.is_gpu))


def _quota(draft: Draft, tenant: Tenant, pool: Pool, devices: int, where: Location) -> Iterator[Problem]:
    if not pool.is_gpu:
        yield Problem(
            where,
            f"the pool `{pool.name}` has no GPUs",
            "the quota would guarantee nothing",
            "remove it, or name a pool with GPUs",
        )
    elif pool.dedicated_to is not None and pool.dedicated_to != tenant.name:
        if draft.tenants.lacks(pool.dedicated_to):
            return
        yield Problem(
            where,
            f"the pool `{pool.name}` is dedicated to `{pool.dedicated_to}`",
            f"jobs of `{tenant.name}` would be admitted and never scheduled there",
            "a quota on another pool, or remove `dedicated_to` from this one",
        )
    elif 0 < pool.devices_at_most < devices:
        yield Problem(
            where,
            f"{counted(devices, 'device')} are guaranteed, and `{pool.name}` has at most {_at_most(pool)}",
            "a job would be admitted and then wait for a GPU that cannot come",
            f"{pool.devices_at_most} or less, or more nodes for `{pool.name}`",
        )


def _at_most(pool: Pool) -> str:
    """Devices at most, and how they come about: `8 (4 nodes x 2 GPUs)`."""
    factors = [counted(pool.nodes.max, "node"), counted(pool.gpus_on_each_node, "GPU")]
    if pool.devices_per_gpu > 1:
        factors.append(f"{pool.devices_per_gpu} devices")
    return f"{pool.devices_at_most:,} ({' x '.join(factors)})"


def _engines_of_one_model(draft: Draft, engines: Engines, index: int, model: Model) -> Iterator[Problem]:
    pool = draft.pools.by_name.get(model.pool)
    if pool is None or not pool.is_gpu or pool.devices_on_each_node == 0:
        return
    gpus = model.devices
    if gpus > pool.devices_on_each_node and not isinstance(pool.partition, TimeSlicingPartition):
        yield Problem(
            at("models", index, "gpus"),
            f"an engine asks for {gpus} devices, and a node of `{pool.name}` has {pool.devices_on_each_node}",
            "no node could ever run it",
            f"gpus: {pool.devices_on_each_node} or less, or a pool with more GPUs on each node",
        )
        return
    for each in draft.pools.by_name.values():
        if each.devices_on_each_node and (count := engines[each.name, model.name]):
            yield from _engines_on_nodes(index, model, each, count)


def _engines_on_nodes(index: int, model: Model, pool: Pool, engines: int) -> Iterator[Problem]:
    gpus = model.devices
    on_a_node = max(pool.devices_on_each_node // gpus, 1)
    if engines > on_a_node * pool.nodes.max and gpus * engines <= pool.devices_at_most:
        yield Problem(
            at("models", index, "replicas"),
            f"{engines} engines of {gpus} devices do not fit `{pool.name}`: a node holds {on_a_node} of them, "
            f"and there are at most {counted(pool.nodes.max, 'node')}",
            "some engines would wait for a node that cannot come",
            f"{_fewer(model, on_a_node * pool.nodes.max * (model.engines_at_most) // engines)}, or more"
            f" nodes for `{pool.name}`",
        )


def _fewer(model: Model, engines: int) -> str:
    """What to write so that no more than so many engines of each Deployment are there at once."""
    if model.surge and engines < 2:
        return "surge: false"
    return f"replicas: {max(engines - int(model.surge), 1)} or less"


def _engines(draft: Draft) -> Engines:
    """Engines that pools may run at once, those that are one tenant's own and successors among them.

    A sensitive tenant's own are left out where a pool that could not be read may be the one that runs them.
    """
    sensitive = {tenant.name for tenant in draft.tenants.read.values() if tenant.sensitive}
    found: Counter[tuple[str, str]] = Counter()
    for model in draft.models.read.values():
        groups = groups_asked_for(model, draft.tenants.read.values(), draft.pools.by_name.values(), draft.trust)
        places = Counter(group.pool for group in groups if draft.pools.all_read or group.owner not in sensitive)
        # Of two models with one name, which is a problem of its own, one counts.
        for pool, number in places.items():
            found[pool, model.name] = number * (model.engines_at_most)
    return found


def _sum(draft: Draft, running: Engines, index: int, pool: Pool) -> Iterator[Problem]:
    """One problem for a pool that is promised more than it can have; none where one claim alone says so already."""
    models = list(_models_that_fit_a_node(draft, running, pool))
    engines = [_engines_claim(model, running[pool.name, model.name]) for model in models]
    quotas = [claim for tenant in draft.tenants.read.values() if (claim := _quota_claim(draft, tenant, pool))]
    engine_devices = sum(claim.devices for claim in engines)
    total = engine_devices + sum(claim.devices for claim in quotas)
    single_quota_is_beyond = any(claim.devices > pool.devices_at_most for claim in quotas)
    if pool.devices_on_each_node == 0:
        return
    if total <= pool.devices_at_most:
        yield from _large_engines(models, running, index, pool)
    elif engine_devices > pool.devices_at_most:
        yield Problem(
            at("pools", index, "nodes", "max"),
            f"the engines on `{pool.name}` take {_added(engines)}, and it has at most {_at_most(pool)}",
            "some engines would wait for a GPU that cannot come",
            f"max: {_nodes_for(pool, engine_devices)} or more, or fewer replicas{_or_no_successor(models)}",
        )
    elif not single_quota_is_beyond:
        yield Problem(
            at("pools", index, "nodes", "max"),
            f"engines and guaranteed quotas on `{pool.name}` take {_added([*engines, *quotas])}, "
            f"and it has at most {_at_most(pool)}",
            "a job would be admitted and then wait for a GPU that cannot come",
            f"max: {_nodes_for(pool, total)} or more, or smaller quotas, or fewer replicas{_or_no_successor(models)}",
        )


def _large_engines(models: Sequence[Model], running: Engines, index: int, pool: Pool) -> Iterator[Problem]:
    """Engines of more than half a node's devices need a node each, however many devices are left over."""
    large = [model for model in models if 2 * model.devices > pool.devices_on_each_node]
    counts = [running[pool.name, model.name] for model in large]
    engines = sum(counts)
    if len(large) > 1 and engines > pool.nodes.max >= max(counts):
        yield Problem(
            at("pools", index, "nodes", "max"),
            f"{counted(engines, 'engine')} ({listed(model.name for model in large)}) need a node each, and "
            f"there are at most {counted(pool.nodes.max, 'node')}",
            "some engines would wait for a node that cannot come",
            f"max: {engines} or more, or fewer replicas{_or_no_successor(models)}",
        )


def _or_no_successor(models: Iterable[Model]) -> str:
    surging = [model.name for model in models if model.surge]
    return f", or surge: false for {listed(surging)}" if surging else ""


def _models_that_fit_a_node(draft: Draft, running: Engines, pool: Pool) -> Iterator[Model]:
    for model in draft.models.read.values():
        if running[pool.name, model.name] and model.devices <= pool.devices_on_each_node:
            yield model


def _engines_claim(model: Model, engines: int) -> Claim:
    words = engines_in_words(model.name, engines, model.devices, successor=model.surge)
    return Claim(words, model.devices * engines)


def _quota_claim(draft: Draft, tenant: Tenant, pool: Pool) -> Claim | None:
    if pool.dedicated_to not in (None, tenant.name):
        return None
    if isinstance(tenant.gpu_quota, Mapping):
        devices = tenant.gpu_quota.get(pool.name, 0)
    else:
        devices = tenant.gpu_quota if draft.pools.all_read and _gpu_pool_names(draft) == [pool.name] else 0
    return Claim(f"quota of {tenant.name}", devices) if devices else None


def _nodes_for(pool: Pool, devices: int) -> int:
    return -(-devices // pool.devices_on_each_node)


def _added(claims: list[Claim]) -> str:
    return added([(claim.devices, claim.owner) for claim in claims], "device")
