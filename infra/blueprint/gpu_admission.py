"""What the admission policies have to know of a blueprint, and the controller that keeps them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.access import SubjectKind, SubjectPart
from infra.blueprint.admission import (
    AdmissionAction,
    GpuAdmissionPart,
    PlacementAdmissionPart,
    PlatformQueuePart,
    SharedQueuePart,
)
from infra.blueprint.model import (
    AdmissionPart,
    Blueprint,
    ChartImagePart,
    ChartLocation,
    ChartPart,
    FolderChartLocation,
    GkeClusterPart,
    LocalQueuePart,
    NamespacePart,
    PodSecurity,
    PoolPart,
    TenantPart,
)
from infra.blueprint.nodes import POOL_LABEL
from infra.blueprint.placement import placement_of
from infra.blueprint.platform_network import closed_anew
from infra.blueprint.quota import chart_location
from infra.config.admission import ALWAYS_EXEMPT, Enforcement
from infra.config.pools import DEDICATED_KEY
from infra.config.sources import ChartName
from infra.config.stack import StackConfig
from infra.pins import KYVERNO_CHART, KYVERNO_IMAGE, KYVERNO_INIT_IMAGE, POD_SECURITY_VERSION, ImagePin

OWNER_CONTROLLERS = (
    "system:serviceaccount:jobset-system:jobset-controller-manager",
    "system:serviceaccount:kube-system:job-controller",
    "system:serviceaccount:lws-system:lws-controller-manager",
    "system:serviceaccount:ray-system:kuberay-operator",
)
"""Controllers of kinds that Kueue holds as a whole, under the names that their own charts and manifests give them."""

PART_CONTROLLERS = tuple(
    f"system:serviceaccount:kube-system:{name}"
    for name in (
        "cronjob-controller",
        "daemon-set-controller",
        "deployment-controller",
        "replicaset-controller",
        "replication-controller",
        "statefulset-controller",
    )
)
"""Kubernetes' controllers of kinds whose pods, or Jobs, Kueue holds one by one."""

GKE_NODE_POOL_LABEL = "cloud.google.com/gke-nodepool"
NODE_LABEL_KEYS = (
    POOL_LABEL,
    DEDICATED_KEY,
    GKE_NODE_POOL_LABEL,
    "cloud.google.com/compute-class",
    "kubernetes.io/hostname",
)
"""Labels that tell pools or single nodes apart on any cluster: the platform's own, GKE's and Kubernetes'."""


def admission_part(config: StackConfig) -> AdmissionPart:
    """Kyverno and how its policies will judge; no policy is in force in it yet."""
    settings = config.trust.admission
    location = chart_location(KYVERNO_CHART, ChartName.KYVERNO, config.sources)
    return AdmissionPart(
        namespace=names.KYVERNO_NAMESPACE,
        chart=ChartPart(location, KYVERNO_CHART.version),
        image_registry=config.sources.mirror or KYVERNO_IMAGE.registry,
        image=_image_of(location, KYVERNO_IMAGE),
        first_image=_image_of(location, KYVERNO_INIT_IMAGE),
        replicas=settings.replicas,
        action_when_in_force=(
            AdmissionAction.AUDIT if settings.enforcement is Enforcement.AUDIT else AdmissionAction.DENY
        ),
        exempt_namespaces=tuple(sorted({*ALWAYS_EXEMPT, *settings.exempt_namespaces})),
        owner_controllers=tuple(sorted({*OWNER_CONTROLLERS, *settings.controllers})),
        gpu_queues=AdmissionAction.OFF,
        priority_classes=tuple(sorted(settings.priority_classes)),
        runtime_classes=tuple(sorted(settings.runtime_classes)),
    )


def _image_of(location: ChartLocation, pin: ImagePin) -> ChartImagePart | None:
    return None if isinstance(location, FolderChartLocation) else ChartImagePart(pin.repository, pin.tag)


def with_policies(blueprint: Blueprint, admission: AdmissionPart) -> Blueprint:
    """`blueprint` with `admission`, and with a namespace for Kyverno, which keeps the policies."""
    there = {part.name for part in blueprint.namespaces}
    namespace = NamespacePart(admission.namespace, PodSecurity.RESTRICTED, POD_SECURITY_VERSION, {})
    added = () if admission.namespace in there else (namespace,)
    return closed_anew(replace(blueprint, admission=admission, namespaces=(*blueprint.namespaces, *added)))


def gpu_admission_part(blueprint: Blueprint) -> GpuAdmissionPart:
    """What the GPU policies rest on in `blueprint`, which carries every control already: later ones move queues."""
    admission, quota = blueprint.admission, blueprint.quota
    tenants = {tenant.name: tenant for tenant in blueprint.tenants}
    shared = [queue for queue in quota.local_queues if queue.namespace == names.WORKLOADS_NAMESPACE and queue.tenant]
    return GpuAdmissionPart(
        action=admission.gpu_queues,
        tenant_objects=_stronger(admission.tenant_objects, admission.gpu_queues),
        sharing=admission.gpu_sharing,
        placement=_placement_part(blueprint),
        managed_namespace_labels=quota.managed_namespace_labels,
        exempt_namespaces=admission.exempt_namespaces,
        tenant_label=names.TENANT_LABEL,
        tenant_cluster_queue_prefix=names.TENANT_CLUSTER_QUEUE_PREFIX,
        platform_queues=(PlatformQueuePart(names.ENGINES_NAMESPACE, names.SERVING_LOCAL_QUEUE, names.SERVING_QUEUE),),
        shared_namespace=names.WORKLOADS_NAMESPACE,
        shared_queues=tuple(sorted(_shared_queue(queue, tenants) for queue in shared)),
        accelerator_labels=tuple(sorted({pair for flavor in quota.flavors for pair in flavor.node_labels.items()})),
        taint_keys=tuple(sorted({taint.key for flavor in quota.flavors for taint in flavor.tolerations})),
        dedicated_without_gpus=tuple(_dedicated_without_gpus(blueprint.pools)),
        kueue_account=names.KUEUE_ACCOUNT,
        owner_controllers=admission.owner_controllers,
        part_controllers=PART_CONTROLLERS,
    )


def _dedicated_without_gpus(pools: Iterable[PoolPart]) -> Iterator[Mapping[str, str]]:
    every = tuple(pools)
    with_gpus = [pool.node_labels for pool in every if pool.is_gpu]
    for pool in every:
        if (
            pool.dedicated_to is not None
            and not pool.is_gpu
            and all(_differ(pool.node_labels, one) for one in with_gpus)
        ):
            yield pool.node_labels


def _differ(left: Mapping[str, str], right: Mapping[str, str]) -> bool:
    """Whether no node can carry both sets of labels."""
    return any(left[key] != right[key] for key in left.keys() & right.keys())


def _stronger(left: AdmissionAction, right: AdmissionAction) -> AdmissionAction:
    return max(left, right, key=tuple(AdmissionAction).index)


def _shared_queue(queue: LocalQueuePart, tenants: dict[str, TenantPart]) -> SharedQueuePart:
    subjects = tenants[queue.tenant].subjects if queue.tenant in tenants else ()
    users = _identities(subject for subject in subjects if subject.kind is not SubjectKind.GROUP)
    groups = _identities(subject for subject in subjects if subject.kind is SubjectKind.GROUP)
    return SharedQueuePart(queue.name, queue.cluster_queue, users, groups)


def _identities(subjects: Iterable[SubjectPart]) -> tuple[str, ...]:
    return tuple(sorted({subject.identity for subject in subjects}))


# --- whose nodes are whose --------------------------------------------------------------------------------------


def _placement_part(blueprint: Blueprint) -> PlacementAdmissionPart:
    admission = blueprint.admission
    labels = {pool.flavor: tuple(_labels(pool, blueprint)) for pool in blueprint.pools}
    owners = _owners(blueprint)
    own: dict[str, set[str]] = {}
    for flavor, tenants in owners.items():
        for tenant in tenants:
            own.setdefault(tenant, set()).update(labels[flavor])
    shown = {label for flavor, found in labels.items() if flavor not in owners for label in found}
    keys = {label.partition("=")[0] for pool in blueprint.pools if pool.is_gpu for label in labels[pool.flavor]}
    return PlacementAdmissionPart(
        action=admission.placement,
        dedicated_key=DEDICATED_KEY,
        label_keys=tuple(sorted({*NODE_LABEL_KEYS, *keys})),
        open_labels=tuple(sorted(shown)),
        own_labels={tenant: tuple(sorted(found)) for tenant, found in sorted(own.items())},
        priority_classes=admission.priority_classes,
        runtime_classes=tuple(
            sorted(
                {*admission.runtime_classes, *(pool.runtime_class for pool in blueprint.pools if pool.runtime_class)}
            )
        ),
    )


def _labels(pool: PoolPart, blueprint: Blueprint) -> Iterator[str]:
    yield from (f"{key}={value}" for key, value in pool.node_labels.items())
    if isinstance(blueprint.cluster, GkeClusterPart):
        yield f"{GKE_NODE_POOL_LABEL}={pool.flavor}"
    if pool.dedicated_to is not None:
        yield f"{DEDICATED_KEY}={pool.dedicated_to}"


def _owners(blueprint: Blueprint) -> Mapping[str, frozenset[str]]:
    """Flavor → the tenants who may select its nodes; pools that all may select are left out.

    A pool whose GPUs are handed out whole belongs to those whose jobs may run there: to nobody where only engines do.
    """
    owners = {pool.flavor: frozenset({pool.dedicated_to}) for pool in blueprint.pools if pool.dedicated_to}
    if blueprint.quota.hard_partition:
        uses = (use for use in placement_of(blueprint).pools if not use.pool.is_mig)
        owners = {**{use.pool.flavor: use.working for use in uses}, **owners}
    return owners
