"""Tenants' own namespaces: what is in them, from one tenant's record."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.access import AccessRulePart
from infra.blueprint.model import (
    Blueprint,
    ClusterQueuePart,
    LocalQueuePart,
    NamespacePart,
    PodSecurity,
    QuotaPart,
    SharedAccessPart,
    TenantAccessPart,
    TenantPart,
    TenantSpacePart,
    WorkloadLimitsPart,
)
from infra.blueprint.network import NetworkPolicyPart, NetworkRulePart, PodsPeer, PortPart
from infra.blueprint.platform_network import default_deny, dns_rule
from infra.pins import POD_SECURITY_VERSION

SpaceChange = Callable[[TenantPart, TenantSpacePart], TenantSpacePart]

DEFAULT_REQUESTS: Mapping[str, str] = {"cpu": "100m", "ephemeral-storage": "1Gi", "memory": "256Mi"}
DEFAULT_LIMITS: Mapping[str, str] = {"memory": "1Gi"}
"""For containers that state nothing. No CPU limit: one that is throttled beside an idle core helps nobody."""

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

ACCESS_RULES = (
    AccessRulePart(("",), ("configmaps", "persistentvolumeclaims", "pods", "secrets", "services"), WRITE),
    AccessRulePart(("",), ("pods/attach", "pods/exec", "pods/portforward"), ("create", "get")),
    AccessRulePart(("",), ("pods/log",), ("get",)),
    AccessRulePart(("",), ("endpoints", "events", "limitranges", "resourcequotas", "serviceaccounts"), READ),
    AccessRulePart(("apps",), ("deployments", "replicasets", "statefulsets"), WRITE),
    AccessRulePart(
        ("apps",), ("deployments/scale", "replicasets/scale", "statefulsets/scale"), ("get", "patch", "update")
    ),
    AccessRulePart(("autoscaling",), ("horizontalpodautoscalers",), WRITE),
    AccessRulePart(("batch",), ("cronjobs", "jobs"), WRITE),
    AccessRulePart(("discovery.k8s.io",), ("endpointslices",), READ),
    AccessRulePart(("events.k8s.io",), ("events",), READ),
    AccessRulePart(("jobset.x-k8s.io",), ("jobsets",), WRITE),
    AccessRulePart(("kueue.x-k8s.io",), ("localqueues", "workloads"), READ),
    AccessRulePart(("leaderworkerset.x-k8s.io",), ("leaderworkersets",), WRITE),
    AccessRulePart(("ray.io",), ("rayclusters", "rayjobs", "rayservices"), WRITE),
)
"""A tenant's role: it runs its work and sees it.

Left out on purpose, though the built-in `edit` has them: network policies (its holder may delete them), tokens of
service accounts, ephemeral containers and evictions, DaemonSets (a pod on every node), Ingresses (a way around the
gateway's door), disruption budgets (they can hold up the drain of a node for ever), endpoints to write
(CVE-2021-25740); and every policy, role, binding, quota and queue.
"""


def with_spaces(blueprint: Blueprint, change: SpaceChange) -> Blueprint:
    """`blueprint` with a namespace for each tenant, changed by `change`.

    Whichever control comes first makes the namespaces, so that each can be switched on by itself. Jobs then enter
    through the tenant's queue in its own namespace, and nobody works in the shared one any more: it stays, empty of
    rights, because whatever tenants have stored there would go with it.
    """
    if not blueprint.tenant_spaces:
        blueprint = _moved_out(blueprint)
    tenants = {tenant.name: tenant for tenant in blueprint.tenants}
    spaces = tuple(change(tenants[space.tenant], space) for space in blueprint.tenant_spaces)
    return replace(blueprint, tenant_spaces=spaces)


def _moved_out(blueprint: Blueprint) -> Blueprint:
    tenants = tuple(replace(tenant, namespace=names.tenant_namespace(tenant.name)) for tenant in blueprint.tenants)
    return replace(
        blueprint,
        quota=replace(blueprint.quota, local_queues=tuple(map(_moved, blueprint.quota.local_queues))),
        shared_access=None,
        tenants=tenants,
        tenant_spaces=tuple(_space(tenant) for tenant in tenants),
    )


def _moved(queue: LocalQueuePart) -> LocalQueuePart:
    return queue if queue.tenant is None else replace(queue, namespace=names.tenant_namespace(queue.tenant))


def _space(tenant: TenantPart) -> TenantSpacePart:
    return TenantSpacePart(
        tenant=tenant.name,
        namespace=NamespacePart(
            names.tenant_namespace(tenant.name),
            PodSecurity.BASELINE,
            POD_SECURITY_VERSION,
            names.MANAGED_NAMESPACE_LABELS,
        ),
        keep_data=tenant.keep_data,
        limits=None,
        access=None,
        network_policies=(),
    )


def restricted(space: TenantSpacePart, control: str) -> TenantSpacePart:
    """The namespace under the strictest Pod Security level."""
    labels = {**space.namespace.labels, names.CONTROL_LABEL: control}
    namespace = replace(space.namespace, pod_security=PodSecurity.RESTRICTED, labels=labels)
    return replace(space, namespace=namespace)


# --- what workloads may take ------------------------------------------------------------------------------------


def gpu_quota(quota: QuotaPart) -> Mapping[str, Mapping[str, int]]:
    """Tenant → GPU resource name → devices guaranteed; every resource name of the stack, 0 where it has none."""
    resources = sorted({group.resource for queue in quota.cluster_queues for group in queue.groups})
    return {
        queue.tenant: {resource: _devices(queue, resource) for resource in resources}
        for queue in quota.cluster_queues
        if queue.tenant is not None
    }


def _devices(queue: ClusterQueuePart, resource: str) -> int:
    return sum(flavor.nominal for group in queue.groups if group.resource == resource for flavor in group.flavors)


def limits_part(tenant: TenantPart, devices: Mapping[str, int], control: str) -> WorkloadLimitsPart:
    """What the tenant's workloads may take together, `devices` by GPU resource name among it.

    Kubernetes has no quota of its own on numbers of most kinds, so each kind that a tenant may create has one: what
    fills the API server's database is everybody's.
    """
    sizes = tenant.workloads
    some, many = str(-(-sizes.pods // 2)), str(2 * sizes.pods)
    return WorkloadLimitsPart(
        control=control,
        hard={
            "count/configmaps": many,
            "count/cronjobs.batch": some,
            "count/deployments.apps": some,
            "count/horizontalpodautoscalers.autoscaling": some,
            "count/jobs.batch": many,
            "count/jobsets.jobset.x-k8s.io": some,
            "count/leaderworkersets.leaderworkerset.x-k8s.io": some,
            "count/rayclusters.ray.io": some,
            "count/rayjobs.ray.io": some,
            "count/rayservices.ray.io": some,
            "count/replicasets.apps": many,
            "count/secrets": many,
            "count/statefulsets.apps": some,
            "limits.memory": sizes.memory,
            "persistentvolumeclaims": some,
            "pods": str(sizes.pods),
            "requests.cpu": sizes.cpu,
            "requests.ephemeral-storage": sizes.storage,
            "requests.memory": sizes.memory,
            "requests.storage": sizes.storage,
            "services": some,
            "services.loadbalancers": "0",
            "services.nodeports": "0",
            **_device_requests(devices),
        },
        default_requests=DEFAULT_REQUESTS,
        default_limits=DEFAULT_LIMITS,
        volume_maximum=sizes.storage,
    )


def with_fitted_limits(blueprint: Blueprint) -> Blueprint:
    """`blueprint` whose tenants' limits, where they have any, name as many GPUs as their queues guarantee.

    For a control that takes a queue off a pool after the limits were written: a limit above the queue's own would
    tell a reader of GPUs that nobody hands out.
    """
    devices = gpu_quota(blueprint.quota)

    def fitted(space: TenantSpacePart) -> TenantSpacePart:
        if space.limits is None:
            return space
        hard = {**space.limits.hard, **_device_requests(devices[space.tenant])}
        return replace(space, limits=replace(space.limits, hard=hard))

    return replace(blueprint, tenant_spaces=tuple(map(fitted, blueprint.tenant_spaces)))


def _device_requests(devices: Mapping[str, int]) -> dict[str, str]:
    return {f"requests.{resource}": str(count) for resource, count in devices.items()}


def without_borrowing(quota: QuotaPart) -> QuotaPart:
    """Each tenant keeps to its own devices: a ClusterQueue that may borrow would hand out more than its quota."""

    def bounded(queue: ClusterQueuePart) -> ClusterQueuePart:
        if queue.tenant is None:
            return queue
        groups = tuple(
            replace(group, flavors=tuple(replace(flavor, borrowing_limit=0) for flavor in group.flavors))
            for group in queue.groups
        )
        return replace(queue, groups=groups)

    return replace(quota, cluster_queues=tuple(map(bounded, quota.cluster_queues)))


# --- who may do what, and connect where -------------------------------------------------------------------------


def shared_access(tenants: Iterable[TenantPart]) -> SharedAccessPart | None:
    """The role in the shared namespace for the subjects of all `tenants`; None where nobody names any."""
    subjects = tuple((tenant.name, tenant.subjects) for tenant in tenants if tenant.subjects)
    return SharedAccessPart(names.WORKLOADS_NAMESPACE, ACCESS_RULES, subjects) if subjects else None


def access_part(tenant: TenantPart, control: str) -> TenantAccessPart:
    """The tenant's role, for its subjects."""
    return TenantAccessPart(control, ACCESS_RULES, tenant.subjects)


def space_network_policies(blueprint: Blueprint, space: TenantSpacePart, control: str) -> tuple[NetworkPolicyPart, ...]:
    """Closed in both directions but for DNS, the gateway and the namespace itself.

    Nothing else is open: no other tenant, no node's metadata server, no API server, and no internet.
    """
    gateway = blueprint.gateway
    namespace = space.namespace.name
    own = PodsPeer(namespace, {})
    among_themselves = NetworkRulePart((own,), (), "the tenant's pods talk to each other")
    door = NetworkRulePart(
        (PodsPeer(gateway.namespace, names.workload_labels("gateway")),),
        (PortPart(gateway.port),),
        "models are called through the gateway",
    )
    return (
        default_deny(namespace, control),
        NetworkPolicyPart("tenant", namespace, control, {}, (among_themselves,), (dns_rule(), among_themselves, door)),
    )


def without_shared_connections(blueprint: Blueprint, control: str) -> Blueprint:
    """`blueprint` with the namespace that tenants have left closed: what still runs there must not meet anybody."""
    kept = tuple(policy for policy in blueprint.network_policies if policy.namespace != names.WORKLOADS_NAMESPACE)
    return replace(blueprint, network_policies=(*kept, default_deny(names.WORKLOADS_NAMESPACE, control)))


def queues_of_spaces(blueprint: Blueprint) -> Iterable[str]:
    """The LocalQueues in tenants' namespaces, as `namespace/name`."""
    spaces = {space.namespace.name for space in blueprint.tenant_spaces}
    return (f"{queue.namespace}/{queue.name}" for queue in blueprint.quota.local_queues if queue.namespace in spaces)
