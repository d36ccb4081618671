"""The queues: flavors, a ClusterQueue for each tenant, the LocalQueues through which workloads enter, priorities."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.shared import CustomObject, labels, tolerations
from infra.blueprint.model import (
    ClusterQueuePart,
    FlavorQuotaPart,
    LocalQueuePart,
    PriorityClassPart,
    QuotaPart,
    ResourceFlavorPart,
    ResourceQuotaGroupPart,
)
from infra.blueprint.queueing import PREEMPTION, QUEUEING_STRATEGY

API_VERSION = "kueue.x-k8s.io/v1beta2"


@dataclass(frozen=True)
class QueuesArgs:
    """What the queues are made from; Kueue must be running.

    Attributes:
        part: The queues, and what they ration.
        namespaces: The LocalQueues' namespaces, by name, where they are made beside the queues and not before.
    """

    part: QuotaPart
    namespaces: Mapping[str, pulumi.Resource] = field(default_factory=dict[str, pulumi.Resource])


class Queues(pulumi.ComponentResource):
    """Everything that Kueue rations, and for whom.

    A queue depends on its flavors and an entry on its queue, so that they go in the opposite order: Kueue's finalizers
    hold a flavor that a queue still names.
    """

    def __init__(self, name: str, args: QueuesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:kueue:Queues", name, None, opts)
        self._name = name
        self._cohort = args.part.cohort
        self._namespaces = args.namespaces
        self._namespace_labels = dict(args.part.managed_namespace_labels)
        self._flavors = {part.name: self._flavor(part) for part in args.part.flavors}
        self._cluster_queues = {part.name: self._cluster_queue(part) for part in args.part.cluster_queues}
        self._local_queues = {(part.namespace, part.name): self._local_queue(part) for part in args.part.local_queues}
        self._priority_classes = {part.name: self._priority_class(part) for part in args.part.priority_classes}
        self.register_outputs({})

    def entry(self, namespace: str, local_queue: str, priority_class: str) -> tuple[pulumi.Resource, ...]:
        """What a workload that enters through `local_queue` has to wait for.

        Raises:
            KeyError: There is no such queue or class.
        """
        return self._local_queues[namespace, local_queue], self._priority_classes[priority_class]

    def _flavor(self, part: ResourceFlavorPart) -> CustomObject:
        return self._object(
            "flavor",
            {
                "kind": "ResourceFlavor",
                "metadata": {"name": part.name, "labels": labels("flavor", part.name)},
                "spec": {
                    "nodeLabels": dict(sorted(part.node_labels.items())),
                    "tolerations": tolerations(part.tolerations),
                },
            },
        )

    def _cluster_queue(self, part: ClusterQueuePart) -> CustomObject:
        flavors = sorted({quota.flavor for group in part.groups for quota in group.flavors})
        return self._object(
            "cluster-queue",
            {
                "kind": "ClusterQueue",
                "metadata": {"name": part.name, "labels": labels("cluster-queue", part.name, part.tenant)},
                "spec": {
                    "cohortName": self._cohort,
                    "namespaceSelector": {"matchLabels": self._namespace_labels},
                    "queueingStrategy": QUEUEING_STRATEGY,
                    "preemption": dict(PREEMPTION),
                    "resourceGroups": [_group(group) for group in part.groups],
                },
            },
            (self._flavors[flavor] for flavor in flavors),
        )

    def _local_queue(self, part: LocalQueuePart) -> CustomObject:
        return self._object(
            "local-queue",
            {
                "kind": "LocalQueue",
                "metadata": {
                    "name": part.name,
                    "namespace": part.namespace,
                    "labels": labels("local-queue", part.name, part.tenant),
                },
                "spec": {"clusterQueue": part.cluster_queue},
            },
            (self._cluster_queues[part.cluster_queue], *self._namespace_of(part)),
        )

    def _namespace_of(self, part: LocalQueuePart) -> tuple[pulumi.Resource, ...]:
        """Only its own: a queue that waited for every tenant's namespace would make each new tenant everybody's."""
        namespace = self._namespaces.get(part.namespace)
        return () if namespace is None else (namespace,)

    def _priority_class(self, part: PriorityClassPart) -> CustomObject:
        return self._object(
            "priority",
            {
                "kind": "WorkloadPriorityClass",
                "metadata": {"name": part.name, "labels": labels("priority", part.name)},
                "value": part.value,
                "description": part.description,
            },
        )

    def _object(self, role: str, body: Mapping[str, Any], after: Iterable[pulumi.Resource] = ()) -> CustomObject:
        metadata = body["metadata"]
        place = f"{metadata['namespace']}/" if "namespace" in metadata else ""
        return CustomObject(
            f"{self._name}-{role}-{place}{metadata['name']}",
            {"apiVersion": API_VERSION, **body},
            pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )


def _group(group: ResourceQuotaGroupPart) -> dict[str, Any]:
    return {
        "coveredResources": [group.resource],
        "flavors": [{"name": quota.flavor, "resources": [_quota(group.resource, quota)]} for quota in group.flavors],
    }


def _quota(resource: str, quota: FlavorQuotaPart) -> dict[str, Any]:
    """Quantities as text, as Kueue itself writes them back: a number would differ from the live object for ever."""
    limit = {} if quota.borrowing_limit is None else {"borrowingLimit": str(quota.borrowing_limit)}
    return {"name": resource, "nominalQuota": str(quota.nominal), **limit}
