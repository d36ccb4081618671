"""Specs that several workloads share: one pod with a volume, one pod at a time, and the Service in front of either."""

from typing import TYPE_CHECKING

import pulumi

from components.shared.metadata import SECRETS_ANNOTATION, labels, selector

if TYPE_CHECKING:
    from pulumi_kubernetes.apps.v1 import DeploymentSpecArgsDict, StatefulSetSpecArgsDict
    from pulumi_kubernetes.core.v1 import PodSpecArgsDict, ServiceSpecArgsDict

DATA_VOLUME = "data"
"""The volume that a pod of `stateful_set_spec` mounts."""


def stateful_set_spec(workload: str, pod: "PodSpecArgsDict", storage: str) -> "StatefulSetSpecArgsDict":
    """One pod with a volume that outlives the pod, the StatefulSet and a change of either; it goes with its namespace.

    Args:
        workload: What runs, as its labels and its Service call it.
        pod: The pod, which mounts the volume as `DATA_VOLUME`.
        storage: The size of the volume, a Kubernetes quantity.
    """
    return {
        "replicas": 1,
        "service_name": workload,
        "selector": {"match_labels": selector(workload)},
        "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
        "template": {"metadata": {"labels": labels(workload)}, "spec": pod},
        "volume_claim_templates": [
            {
                "metadata": {"name": DATA_VOLUME, "labels": labels(workload)},
                "spec": {"access_modes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}},
            }
        ],
    }


def single_pod_spec(workload: str, pod: "PodSpecArgsDict", secrets: pulumi.Input[str]) -> "DeploymentSpecArgsDict":
    """A Deployment of one pod whose successor waits until it has gone.

    Args:
        workload: What runs, as its labels call it.
        pod: The pod.
        secrets: A digest of what it reads when it starts: another one starts another pod.
    """
    return {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"match_labels": selector(workload)},
        "template": {
            "metadata": {"labels": labels(workload), "annotations": {SECRETS_ANNOTATION: secrets}},
            "spec": pod,
        },
    }


def service_spec(workload: str, port_name: str, port: int, headless: bool = False) -> "ServiceSpecArgsDict":
    """One port of a workload's pods.

    Args:
        workload: What runs, as its labels call it.
        port_name: What the pods call the port.
        port: The Service's own number for it.
        headless: Whether the name leads to the pods themselves, without an address of the Service's own.
    """
    spec: ServiceSpecArgsDict = {
        "selector": selector(workload),
        "ports": [{"name": port_name, "port": port, "target_port": port_name}],
    }
    if headless:
        spec["cluster_ip"] = "None"
    else:
        spec["type"] = "ClusterIP"
    return spec


def service_host(service: str, namespace: str) -> str:
    """The name by which a Service is found from any namespace."""
    return f"{service}.{namespace}.svc.cluster.local"
