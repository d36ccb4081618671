"""The Kueue manager's own configuration and its chart's values, as plain data."""

from typing import Any

import yaml

from infra.blueprint.model import QuotaPart
from infra.blueprint.names import KUEUE_METRICS_PORT, KUEUE_WEBHOOK_PORT

FRAMEWORKS = (
    "batch/job",
    "jobset.x-k8s.io/jobset",
    "leaderworkerset.x-k8s.io/leaderworkerset",
    "pod",
    "deployment",
    "statefulset",
    "ray.io/raycluster",
    "ray.io/rayjob",
)
"""What Kueue suspends and admits. Kinds whose definitions are not installed are picked up when they are."""

UNRATIONED_RESOURCES = ("cpu", "memory", "ephemeral-storage", "hugepages-")
"""Prefixes of resources that no queue rations. Without this a workload that asks for CPU, as all do, would wait for
ever in queues that cover GPUs only. Any other resource that no queue covers still blocks a workload: a GPU by an
unforeseen name is never free."""


def manager_configuration(part: QuotaPart) -> dict[str, Any]:
    """Kueue's `Configuration`, `config.kueue.x-k8s.io/v1beta2`.

    `managedJobsNamespaceSelector` becomes the namespace selector of the chart's workload webhooks, all of which fail
    closed: unscoped, a Kueue that is not ready refuses every Job and Pod of the cluster.
    """
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": ":8081"},
        # Quota and its use by queue are counted only where they are asked for.
        "metrics": {"bindAddress": f":{KUEUE_METRICS_PORT}", "enableClusterQueueResources": True},
        "webhook": {"port": KUEUE_WEBHOOK_PORT},
        "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
        "clientConnection": {"qps": 300, "burst": 500},
        "manageJobsWithoutQueueName": False,
        "managedJobsNamespaceSelector": {"matchLabels": dict(part.managed_namespace_labels)},
        "integrations": {"frameworks": list(FRAMEWORKS)},
        "resources": {"excludeResourcePrefixes": list(UNRATIONED_RESOURCES)},
    }


def chart_values(part: QuotaPart) -> dict[str, Any]:
    """The values of Kueue's chart.

    The chart's default image is a staging tag that is always pulled, so repository, tag and pull policy are all set.
    """
    repository, _, tag = part.image.rpartition(":")
    return {
        "controllerManager": {
            "replicas": part.replicas,
            "podDisruptionBudget": {"enabled": part.replicas > 1, "minAvailable": 1},
            "readinessProbe": {"initialDelaySeconds": 1, "periodSeconds": 2},
            "manager": {
                "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
                "resources": {
                    "requests": {"cpu": "50m", "memory": "256Mi"},
                    "limits": {"cpu": "2", "memory": "1Gi"},
                },
            },
        },
        "managerConfig": {"controllerManagerConfigYaml": yaml.safe_dump(manager_configuration(part), sort_keys=True)},
    }
