"""For which tenant a case is played, as whom, and what its placeholders stand for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.audit.corpus import Acting, MissingPlaceholderError
from infra.audit.identity import Identity, identity_of, nobody_of, service_account
from infra.blueprint import names
from infra.blueprint.model import Blueprint, LocalQueuePart, PoolPart, TenantPart

_NO_REQUEST = "YQ=="
"""Stands where a certificate request would; RBAC answers before anybody reads it."""

_CONTROLLERS = {
    Acting.JOB_CONTROLLER: "job-controller",
    Acting.REPLICA_SET_CONTROLLER: "replicaset-controller",
    Acting.DAEMON_SET_CONTROLLER: "daemon-set-controller",
    Acting.CRON_JOB_CONTROLLER: "cronjob-controller",
}
"""Kubernetes' own controllers, by their service accounts in kube-system."""
_ABSENT = {
    "other_tenant": "there is no other tenant",
    "other_queue": "no other tenant has a queue",
    "other_cluster_queue": "no other tenant has a queue",
    "other_namespace": "no other tenant has a namespace of its own",
    "queue": "the tenant has no queue",
    "cluster_queue": "the tenant has no queue",
    "gpu": "the tenant's queue has no GPUs",
    "gpu_without_quota": "the tenant has quota of every kind of GPU",
    "own_label_key": "the tenant's queue leads to no nodes",
    "other_label_key": "no label marks GPU nodes of other tenants alone",
    "serving_queue": "the platform has no engines on GPUs",
}
"""Placeholder → why a platform may lack it."""


@dataclass(frozen=True)
class Scene:
    """One tenant's place on the platform, seen beside one other tenant.

    Attributes:
        tenant: The tenant's name.
        namespace: Where its workloads run.
        identity: Who acts for it.
        declared: Whether its record declares that identity and the stack gives it rights; without, it has none.
        other: Who acts for the other tenant; None when there is none.
        values: What placeholders stand for. `other_*` are absent without another tenant, and `queue`, `cluster_queue`,
            `gpu` where the tenant has no queue, and `gpu_without_quota` where it has quota of every kind of GPU.
            `own_label_*` and `other_label_*` tell nodes, and are absent where the tenant's queue leads to none, or
            where no label marks GPU nodes of other tenants alone.
    """

    tenant: str
    namespace: str
    identity: Identity
    declared: bool
    other: Identity | None
    values: Mapping[str, str]

    def identity_for(self, acting: Acting) -> Identity | None:
        """Whom a case is played as; None: as whoever runs the audit.

        Raises:
            MissingPlaceholderError: There is no other tenant.
        """
        if acting in _CONTROLLERS:
            return service_account("kube-system", _CONTROLLERS[acting])
        if acting is Acting.WORKLOAD:
            return service_account(self.namespace, "default")
        if acting is Acting.OTHER_TENANT and self.other is None:
            raise MissingPlaceholderError("other_tenant")
        return {Acting.TENANT: self.identity, Acting.OTHER_TENANT: self.other}.get(acting)


def scenes_of(blueprint: Blueprint, node: str, tenants: frozenset[str] | None = None) -> tuple[Scene, ...]:
    """A scene for each subject of each tenant; the other tenant is the next one in order, and the last one's the first.

    Args:
        blueprint: What the stack deploys.
        node: The name of a node of the cluster.
        tenants: Only these; None: all.
    """
    ordered = blueprint.tenants
    found: list[Scene] = []
    for index, tenant in enumerate(ordered):
        if tenants is None or tenant.name in tenants:
            other = ordered[(index + 1) % len(ordered)] if len(ordered) > 1 else None
            found += _scenes(blueprint, tenant, other, node)
    return tuple(found)


def why_absent(placeholder: str) -> str:
    """Why a case cannot be played that names what `placeholder` stands for, on a platform that lacks it."""
    return _ABSENT.get(placeholder, f"there is no {placeholder}")


def identities_of(tenant: TenantPart) -> tuple[Identity, ...]:
    """Who acts for `tenant`: every subject that it declares, else one that stands for it and has no rights."""
    return tuple(identity_of(subject) for subject in tenant.subjects) or (nobody_of(tenant.name),)


def namespace_of(tenant: TenantPart) -> str:
    """Where a tenant's workloads run."""
    return tenant.namespace or names.WORKLOADS_NAMESPACE


def _scenes(blueprint: Blueprint, tenant: TenantPart, other: TenantPart | None, node: str) -> list[Scene]:
    values = {
        "tenant": tenant.name,
        "namespace": namespace_of(tenant),
        "gateway_namespace": blueprint.gateway.namespace,
        "engines_namespace": names.ENGINES_NAMESPACE,
        "image": blueprint.gateway.image,
        "node": node,
        "certificate_request": _NO_REQUEST,
        **_queue_values(blueprint, tenant, ""),
        **_serving_values(blueprint),
        **_label_values(blueprint, tenant),
    }
    if other is not None:
        values |= {"other_tenant": other.name, **_queue_values(blueprint, other, "other_")}
        if namespace_of(other) != namespace_of(tenant):
            values["other_namespace"] = namespace_of(other)
    return [
        Scene(
            tenant=tenant.name,
            namespace=namespace_of(tenant),
            identity=identity,
            declared=bool(tenant.subjects) and tenant.name in _with_rights(blueprint),
            other=identities_of(other)[0] if other else None,
            values=values,
        )
        for identity in identities_of(tenant)
    ]


def _with_rights(blueprint: Blueprint) -> frozenset[str]:
    """The tenants whose subjects the stack gives rights to."""
    shared = blueprint.shared_access.subjects if blueprint.shared_access else ()
    own = (space.tenant for space in blueprint.tenant_spaces if space.access is not None)
    return frozenset({*own, *(tenant for tenant, _ in shared)})


def _queue_values(blueprint: Blueprint, tenant: TenantPart, prefix: str) -> dict[str, str]:
    local = _first(queue for queue in blueprint.quota.local_queues if queue.tenant == tenant.name)
    if local is None:
        return {}
    cluster = next(queue for queue in blueprint.quota.cluster_queues if queue.name == local.cluster_queue)
    values = {f"{prefix}queue": local.name, f"{prefix}cluster_queue": local.cluster_queue}
    guaranteed = {group.resource: sum(flavor.nominal for flavor in group.flavors) for group in cluster.groups}
    best = max(guaranteed, key=lambda resource: guaranteed[resource], default=None)
    if best is not None:
        values[f"{prefix}gpu"] = best
    resources = {group.resource for queue in blueprint.quota.cluster_queues for group in queue.groups}
    without = sorted(resource for resource in resources if not guaranteed.get(resource))
    return values | ({f"{prefix}gpu_without_quota": without[0]} if without else {})


def _label_values(blueprint: Blueprint, tenant: TenantPart) -> dict[str, str]:
    """A label of the nodes that the tenant's queue leads to, and one that only nodes of other tenants carry.

    Pools share labels, as that of an accelerator: to select by one that a pool open to the tenant carries as well is
    no attack, and is allowed.
    """
    queues = [queue for queue in blueprint.quota.cluster_queues if queue.tenant == tenant.name]
    leads_to = {quota.flavor for queue in queues for group in queue.groups for quota in group.flavors}
    closed = [pool for pool in blueprint.pools if pool.dedicated_to not in {None, tenant.name}]
    carried = _labels_of(pool for pool in blueprint.pools if pool not in closed)
    own = _labels_of(pool for pool in blueprint.pools if pool.flavor in leads_to)
    others = [label for label in _labels_of(pool for pool in closed if pool.is_gpu) if label not in carried]
    found: dict[str, str] = {}
    for prefix, labels in (("own", own), ("other", others)):
        for key, value in labels[:1]:
            found |= {f"{prefix}_label_key": key, f"{prefix}_label_value": value}
    return found


def _labels_of(pools: Iterable[PoolPart]) -> list[tuple[str, str]]:
    """The labels of the pools' nodes, pool by pool and sorted within each."""
    return [label for pool in pools for label in sorted(pool.node_labels.items())]


def _serving_values(blueprint: Blueprint) -> dict[str, str]:
    queue = _first(queue for queue in blueprint.quota.local_queues if queue.tenant is None)
    return {"serving_queue": queue.name} if queue else {}


def _first(queues: Iterable[LocalQueuePart]) -> LocalQueuePart | None:
    return next(iter(queues), None)
