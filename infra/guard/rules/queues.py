"""GPU quota: queues and flavors are what the stack file says, and what asks for GPUs goes through them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.blueprint.devices import (
    BACKWARDS,
    DEVICE_FILES,
    DEVICE_MOUNTS,
    GPU_RUNTIME,
    NO_DEVICES,
    VISIBLE_DEVICES,
    spelled,
)
from infra.blueprint.model import ClusterQueuePart, FlavorQuotaPart, QuotaPart, ResourceFlavorPart
from infra.blueprint.queueing import PREEMPTION, QUEUEING_STRATEGY
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import asks_for_gpus, containers, pod_specs
from infra.guard.rule import ResourceRule
from infra.values import differing, listed, mapping

KUEUE_GROUP = "kueue.x-k8s.io"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
CRON_JOB = "CronJob"
DEFAULT_NAMESPACE = "default"
PRIORITY_CLASS = "WorkloadPriorityClass"
PLATFORM_KINDS = frozenset({"ClusterQueue", "LocalQueue", "ResourceFlavor"})
"""Kinds that the platform makes, each with a rule of its own."""


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
    elif changed := differing(resource.spec, _spec_of(part, guard.blueprint.quota)):
        yield (
            f"its {', '.join(changed)} is not what the platform writes, so that another tenant's GPUs are handed out,"
            " or to other namespaces, or in another order. Write: no transformation of it; bulkhead:tenants[].gpu_quota"
            " sets the quotas"
        )


def _spec_of(part: ClusterQueuePart, quota: QuotaPart) -> Mapping[str, Any]:
    """A ClusterQueue's `spec` as the program writes it: quantities as text."""
    return {
        "cohortName": quota.cohort,
        "namespaceSelector": {"matchLabels": quota.managed_namespace_labels},
        "preemption": PREEMPTION,
        "queueingStrategy": QUEUEING_STRATEGY,
        "resourceGroups": [
            {
                "coveredResources": [group.resource],
                "flavors": [
                    {"name": flavor.flavor, "resources": [_quota(group.resource, flavor)]} for flavor in group.flavors
                ],
            }
            for group in part.groups
        ],
    }


def _quota(resource: str, part: FlavorQuotaPart) -> Mapping[str, Any]:
    borrowed = None if part.borrowing_limit is None else str(part.borrowing_limit)
    return {"name": resource, "nominalQuota": str(part.nominal), "borrowingLimit": borrowed}


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
    queue, namespace = _queue(resource), resource.namespace or DEFAULT_NAMESPACE
    there = sorted(one.name for one in guard.blueprint.quota.local_queues if one.namespace == namespace)
    if queue in there:
        return
    wrong = f"{queue} is no queue of namespace {namespace}" if queue else "it names no queue"
    hint = f"which has {', '.join(there)}" if there else "of a tenant's namespace: GPUs are handed out nowhere else"
    place = " under spec.jobTemplate.metadata" if resource.kind == CRON_JOB else ""
    yield (
        f"it asks for GPUs and {wrong}, so that it takes them past every quota. Write: the label"
        f" {QUEUE_LABEL}{place} with the name of a queue of its namespace, {hint}"
    )


def _queue(resource: GuardedResource) -> Any:
    """The queue that a workload names; a CronJob names it for the Jobs that it makes, and is held by none itself."""
    if resource.kind != CRON_JOB:
        return resource.labels.get(QUEUE_LABEL)
    of_jobs = mapping(mapping(resource.spec.get("jobTemplate")).get("metadata"))
    return mapping(of_jobs.get("labels")).get(QUEUE_LABEL)


def _no_gpu_without_asking(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """What the admission policies refuse of pods, by the same names: NVIDIA's runtime gives what it is told to give."""
    del guard
    if not resource.by_hand or not resource.is_kubernetes_object:
        return
    for spec in pod_specs(resource.properties):
        if ways := list(dict.fromkeys(_ways_past_asking(spec))):
            yield (
                f"{', '.join(ways)} gives a container GPUs that it has not asked for and no queue has counted. Write:"
                " none of it; ask for nvidia.com/gpu and name a queue"
            )


def _ways_past_asking(spec: Mapping[str, Any]) -> Iterator[str]:
    for container in containers(spec):
        for entry in map(mapping, listed(container.get("env"))):
            if entry.get("name") in VISIBLE_DEVICES and entry.get("value") not in NO_DEVICES:
                yield str(entry.get("name"))
        for prefix in (mapping(source).get("prefix") for source in listed(container.get("envFrom"))):
            # A prefix could put the name together out of two harmless halves.
            if prefix and any(name.startswith(str(prefix)) for name in VISIBLE_DEVICES):
                yield f"envFrom with the prefix {prefix}"
        for mount in map(mapping, listed(container.get("volumeMounts"))):
            path = str(mount.get("mountPath") or "")
            if re.search(spelled(DEVICE_MOUNTS), path) or re.search(BACKWARDS, path):
                yield f"a mount at {mount.get('mountPath')}"
    for volume in map(mapping, listed(spec.get("volumes"))):
        if re.search(spelled(DEVICE_FILES), str(mapping(volume.get("hostPath")).get("path") or "")):
            yield f"the node's {DEVICE_FILES}"
    if GPU_RUNTIME in str(spec.get("runtimeClassName") or "") and not asks_for_gpus(spec):
        yield f"the runtime class {spec.get('runtimeClassName')}"


RULES = (
    ResourceRule(
        "cluster-queues-are-the-stack-files",
        (ControlId.AC3, ControlId.NS2, ControlId.HW1),
        "ClusterQueues are what the platform makes of the stack file's quotas, and there are no others.",
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
        "What asks for GPUs, or makes Jobs that do, names a queue that its namespace has.",
        _no_gpu_without_a_queue,
    ),
    ResourceRule(
        "no-gpu-without-asking",
        (ControlId.SR2,),
        "No container beside the platform's is given GPUs that it does not ask for.",
        _no_gpu_without_asking,
    ),
)
