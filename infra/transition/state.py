"""What a stack's last deployment made, as far as a way from it depends on that: an output without any secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from infra.blueprint.model import Blueprint
from infra.config.cluster import GkeCluster
from infra.config.pools import Pool
from infra.config.rotation import accepted_generations
from infra.config.stack import StackConfig

ENGINE, MASTER, SALT = "engine", "master", "salts"
"""Kinds of keys: between the gateway and its engines, for administration, and the one that salts are made from.

The others are tenants'.
"""

Record = Mapping[str, Any]
"""A node pool as `bulkhead:retiring_pools` would have it."""


@dataclass(frozen=True)
class Deployed:
    """What is deployed.

    Attributes:
        pools: GPU node pools that the stack makes, by name → how they would be written on their way out.
        retiring: Those of them that are on their way out already.
        jobs: Node pool → tenants whose jobs may run there.
        flavors: Kueue's flavors of GPU pools, whoever makes their nodes.
        engines: Engine → the pool whose nodes it runs on; empty: any node.
        caches: Engine → who may share what it has computed; empty: whoever calls it.
        media: Engine → images, videos and sounds that one request may bring, of each kind.
        queues: Tenant → the namespace of its queue.
        keys: Kind of key → its newest generation, which is in use; tenants' keys as `tenant NAME`.
        oldest_keys: Kind of key → the oldest generation that is taken; nothing where a version told that does not know.
        deleted: Tenants' namespaces that go, with all that is in them, when they are wanted no more.
    """

    pools: Mapping[str, Record] = field(default_factory=dict[str, Record])
    retiring: frozenset[str] = frozenset()
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    flavors: frozenset[str] = frozenset()
    engines: Mapping[str, str] = field(default_factory=dict[str, str])
    caches: Mapping[str, str] = field(default_factory=dict[str, str])
    media: Mapping[str, int] = field(default_factory=dict[str, int])
    queues: Mapping[str, str] = field(default_factory=dict[str, str])
    keys: Mapping[str, int] = field(default_factory=dict[str, int])
    oldest_keys: Mapping[str, int] = field(default_factory=dict[str, int])
    deleted: frozenset[str] = frozenset()

    def taken(self, kind: str) -> frozenset[int]:
        """The generations of a key that are taken, as far as the state tells: the newest at least, if there is one."""
        newest = self.keys.get(kind)
        return frozenset() if newest is None else frozenset(range(self.oldest_keys.get(kind, newest), newest + 1))


def state_of(config: StackConfig, blueprint: Blueprint) -> Deployed:
    """What a deployment of `config` makes."""
    made = isinstance(config.cluster, GkeCluster)
    disks = {part.name: part.boot_disk_gigabytes for part in blueprint.node_pools}
    keys = _keys(config)
    pools = [pool for pool in (*config.pools, *config.retiring_pools) if made and pool.is_gpu]
    return Deployed(
        pools={pool.node_pool_name: _record(pool, disks[pool.node_pool_name]) for pool in _sorted(pools)},
        retiring=frozenset(pool.node_pool_name for pool in config.retiring_pools if pool.is_gpu),
        jobs=_jobs(blueprint),
        flavors=frozenset(flavor.name for flavor in blueprint.quota.flavors),
        caches={engine.name: str(engine.cache_isolation or "") for engine in blueprint.engines},
        engines={engine.name: engine.flavor or "" for engine in blueprint.engines},
        media={part.name: limit for part in blueprint.engines if (limit := part.media_per_request) is not None},
        queues={queue.tenant: queue.namespace for queue in blueprint.quota.local_queues if queue.tenant is not None},
        keys={kind: generations[-1] for kind, generations in keys.items()},
        oldest_keys={kind: generations[0] for kind, generations in keys.items()},
        deleted=frozenset(space.namespace.name for space in blueprint.tenant_spaces if not space.keep_data),
    )


def _keys(config: StackConfig) -> dict[str, tuple[int, ...]]:
    """Kind of key → the generations that are taken, the newest last."""
    gateway = config.gateway
    return {
        ENGINE: accepted_generations(gateway.engine_key_generation, gateway.oldest_engine_key_generation),
        MASTER: (gateway.master_key_generation,),
        SALT: (gateway.cache_salt_generation,),
        **{
            f"tenant {tenant.name}": accepted_generations(tenant.key_generation, tenant.oldest_key_generation)
            for tenant in config.tenants
        },
    }


def _sorted(pools: list[Pool]) -> list[Pool]:
    return sorted(pools, key=lambda pool: pool.node_pool_name)


def _record(pool: Pool, disk: int) -> Record:
    return {**pool.model_dump(mode="json", exclude_defaults=True), "boot_disk_gigabytes": disk}


def _jobs(blueprint: Blueprint) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for queue in blueprint.quota.cluster_queues:
        for quota in (quota for group in queue.groups for quota in group.flavors):
            if queue.tenant is not None and (quota.nominal or quota.borrowing_limit != 0):
                found.setdefault(quota.flavor, []).append(queue.tenant)
    return {flavor: tuple(sorted(tenants)) for flavor, tenants in sorted(found.items())}


def state_document(state: Deployed) -> dict[str, Any]:
    """`state` as plain values, the same for the same state."""
    return {
        "pools": {name: dict(record) for name, record in sorted(state.pools.items())},
        "retiring": sorted(state.retiring),
        "jobs": {flavor: list(tenants) for flavor, tenants in sorted(state.jobs.items())},
        "flavors": sorted(state.flavors),
        "caches": dict(sorted(state.caches.items())),
        "engines": dict(sorted(state.engines.items())),
        "media": dict(sorted(state.media.items())),
        "queues": dict(sorted(state.queues.items())),
        "keys": dict(sorted(state.keys.items())),
        "oldest_keys": dict(sorted(state.oldest_keys.items())),
        "deleted": sorted(state.deleted),
    }


def deployed_state(document: object) -> Deployed | None:
    """The state that a stack's output `deployed` tells of; None where a version without it deployed last.

    What it does not tell, as of an older version, counts for nothing.

    Raises:
        ValueError: It is no such document.
    """
    if document is None:
        return None
    try:
        told = cast("Mapping[str, Any]", document)
        return Deployed(
            pools={str(name): dict(record) for name, record in told.get("pools", {}).items()},
            retiring=frozenset(map(str, told.get("retiring", ()))),
            jobs={str(flavor): tuple(map(str, tenants)) for flavor, tenants in told.get("jobs", {}).items()},
            flavors=frozenset(map(str, told.get("flavors", ()))),
            engines=_texts(told.get("engines", {})),
            caches=_texts(told.get("caches", {})),
            media=_numbers(told.get("media", {})),
            queues=_texts(told.get("queues", {})),
            keys=_numbers(told.get("keys", {})),
            oldest_keys=_numbers(told.get("oldest_keys", {})),
            deleted=frozenset(map(str, told.get("deleted", ()))),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"the output `deployed` is not one that this version knows: {type(error).__name__}") from None


def _numbers(told: Mapping[str, Any]) -> dict[str, int]:
    # The engine hands numbers out as it has them, as 2.0.
    return {str(name): int(number) for name, number in told.items()}


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in told.items()}
