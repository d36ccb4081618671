"""GPU quota: queues and flavors are what the stack file says, and what asks for GPUs goes through them."""

from collections.abc import Iterator, Mapping

from infra.blueprint.model import ClusterQueuePart, ResourceFlavorPart
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import asks_for_gpus, containers, environment, pod_specs
from infra.guard.rule import ResourceRule
from infra.guard.values import listed, mapping

KUEUE_GROUP = "kueue.x-k8s.io"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
NVIDIA_DEVICES = "NVIDIA_VISIBLE_DEVICES"
NO_DEVICES = frozenset({"", "none", "void"})
DEFAULT_NAMESPACE = "default"
PRIORITY_CLASS = "WorkloadPriorityClass"
PLATFORM_KINDS = frozenset({"ClusterQueue", "LocalQueue", "ResourceFlavor"})
"""Kinds that the platform makes, each with a rule of its own."""

Quotas = Mapping[tuple[str, str], tuple[str, str | None]]
"""(resource, flavor) → devices guaranteed, and how many more may be borrowed (None: whatever is idle)."""


def _is_kueue(resource: GuardedResource, kind: str) -> bool:
    return resource.group == KUEUE_GROUP and resource.kind == kind


# --- queues -----------------------------------------------------------------------------------------------------


def _cluster_queues_are_the_blueprints(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not _is_kueue(resource, "ClusterQueue"):
        return
    part = next((one for one in guard.blueprint.quota.cluster_queues if one.name == resource.object_name), None)
    if resource.by_hand or part is None:
        yield (
            "a queue that the stack file does not make hands out GPUs that it gives to others, or more of them. Write:"
            " no ClusterQueue; bulkhead:tenants[].gpu_quota sets each tenant's"
        )
    elif _quotas(resource) != _quotas_of(part) or resource.spec.get("cohortName") != guard.blueprint.quota.cohort:
        yield (
            "its quotas or its cohort are not those of the stack file, so that another tenant's GPUs are handed out."
            " Write: no transformation of it; bulkhead:tenants[].gpu_quota sets them"
        )


def _quotas(resource: GuardedResource) -> Quotas:
    return {
        (str(quota.get("name")), str(flavor.get("name"))): (
            str(quota.get("nominalQuota")),
            None if quota.get("borrowingLimit") is None else str(quota.get("borrowingLimit")),
        )
        for group in map(mapping, listed(resource.spec.get("resourceGroups")))
        for flavor in map(mapping, listed(group.get("flavors")))
        for quota in map(mapping, listed(flavor.get("resources")))
    }


def _quotas_of(part: ClusterQueuePart) -> Quotas:
    return {
        (group.resource, quota.flavor): (
            str(quota.nominal),
            None if quota.borrowing_limit is None else str(quota.borrowing_limit),
        )
        for group in part.groups
        for quota in group.flavors
    }


def _local_queues_are_the_blueprints(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not _is_kueue(resource, "LocalQueue"):
        return
    wanted = {(queue.namespace, queue.name): queue.cluster_queue for queue in guard.blueprint.quota.local_queues}
    leads = str(resource.spec.get("clusterQueue") or "")
    if resource.by_hand or wanted.get((resource.namespace, resource.object_name)) != leads:
        yield (
            f"it opens the ClusterQueue {leads or 'of somebody'} to whoever works in namespace"
            f" {resource.namespace or DEFAULT_NAMESPACE}, past the tenant whose quota that is. Write: no LocalQueue;"
            " the platform makes one for each tenant"
        )


def _flavors_are_the_blueprints(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not _is_kueue(resource, "ResourceFlavor"):
        return
    part = next((one for one in guard.blueprint.quota.flavors if one.name == resource.object_name), None)
    if resource.by_hand or part is None:
        yield (
            "a flavor that the stack file does not make sends workloads to nodes that are another's, or counts the"
            " same GPUs twice. Write: no ResourceFlavor; bulkhead:pools makes one for each pool"
        )
    elif _placement(resource) != _placement_of(part):
        yield (
            "its node labels or tolerations are not those of its pool, so that its workloads run on other nodes. Write:"
            " no transformation of it; bulkhead:pools sets them"
        )


Placement = tuple[Mapping[str, str], frozenset[tuple[str, str, str]]]
"""Node labels, and tolerations as (key, value, effect)."""


def _placement(resource: GuardedResource) -> Placement:
    tolerations = map(mapping, listed(resource.spec.get("tolerations")))
    return {str(key): str(value) for key, value in mapping(resource.spec.get("nodeLabels")).items()}, frozenset(
        (str(one.get("key") or ""), str(one.get("value") or ""), str(one.get("effect") or "")) for one in tolerations
    )


def _placement_of(part: ResourceFlavorPart) -> Placement:
    return dict(part.node_labels), frozenset((one.key, one.value or "", one.effect) for one in part.tolerations)


def _kueue_rations_as_the_platform_says(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """A priority class of one's own orders a tenant's work among itself: no queue preempts another's guaranteed."""
    if not resource.by_hand or resource.group != KUEUE_GROUP or resource.kind in PLATFORM_KINDS:
        return
    known = {one.name for one in guard.blueprint.quota.priority_classes}
    if resource.kind == PRIORITY_CLASS and not resource.is_patch and resource.object_name not in known:
        return
    yield (
        "Kueue would lend, admit or order GPUs by it, beside what the stack file says. Write: nothing of the group"
        f" {KUEUE_GROUP} but a {PRIORITY_CLASS} of your own; bulkhead:pools and bulkhead:tenants set the rest"
    )


# --- what asks for GPUs -----------------------------------------------------------------------------------------


def _no_gpu_without_a_queue(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not resource.is_kubernetes_object or not any(map(asks_for_gpus, pod_specs(resource.properties))):
        return
    queue, namespace = resource.labels.get(QUEUE_LABEL), resource.namespace or DEFAULT_NAMESPACE
    there = sorted(one.name for one in guard.blueprint.quota.local_queues if one.namespace == namespace)
    if queue in there:
        return
    wrong = f"{queue} is no queue of namespace {namespace}" if queue else "it names no queue"
    hint = f"which has {', '.join(there)}" if there else "of a tenant's namespace: GPUs are handed out nowhere else"
    yield (
        f"it asks for GPUs and {wrong}, so that it takes them past every quota. Write: the label"
        f" {QUEUE_LABEL} with the name of a queue of its namespace, {hint}"
    )


def _no_gpu_without_asking(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """NVIDIA's runtime gives a container whatever this variable names, asked for or not."""
    del guard
    if not resource.by_hand or not resource.is_kubernetes_object:
        return
    for spec in pod_specs(resource.properties):
        entries = (environment(container).get(NVIDIA_DEVICES) for container in containers(spec))
        if any(entry is not None and str(entry.get("value") or "") not in NO_DEVICES for entry in entries):
            yield (
                f"{NVIDIA_DEVICES} gives a container GPUs that it has not asked for and no queue has counted. Write:"
                " no such variable; ask for nvidia.com/gpu and name a queue"
            )


RULES = (
    ResourceRule(
        "cluster-queues-are-the-stack-files",
        (ControlId.AC3, ControlId.NS2, ControlId.HW1),
        "ClusterQueues hold the quotas of the stack file, and there are no others.",
        _cluster_queues_are_the_blueprints,
    ),
    ResourceRule(
        "local-queues-are-the-stack-files",
        (ControlId.AC3, ControlId.SR2),
        "LocalQueues lead where the stack file says, and there are no others.",
        _local_queues_are_the_blueprints,
    ),
    ResourceRule(
        "flavors-are-the-stack-files",
        (ControlId.AC3, ControlId.HW1, ControlId.HW3),
        "ResourceFlavors mean the nodes of their pools, and there are no others.",
        _flavors_are_the_blueprints,
    ),
    ResourceRule(
        "kueue-rations-as-the-stack-file-says",
        (ControlId.AC3,),
        "No cohort, check or topology of Kueue stands beside the platform's.",
        _kueue_rations_as_the_platform_says,
    ),
    ResourceRule(
        "no-gpu-without-a-queue",
        (ControlId.SR2,),
        "What asks for GPUs names a queue that its namespace has.",
        _no_gpu_without_a_queue,
    ),
    ResourceRule(
        "no-gpu-without-asking",
        (ControlId.SR2,),
        "No container is given GPUs that it does not ask for.",
        _no_gpu_without_asking,
    ),
)
