"""GPU nodes that exist in the API alone, so that GPU pods can be placed, queued and counted without a GPU.

The lab has two of them. Whoever needs others makes them as these are made, and removes them.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network

from lab.cluster.addresses import POD_NETWORK

SIMULATED_NODES = ("bulkhead-simulated-l4-0", "bulkhead-simulated-l4-1")
ACCELERATOR = "nvidia-l4"

# Given by hand, so that the first network is left for the real node, whose CNI file names it.
_NETWORKS = list(POD_NETWORK.subnets(new_prefix=24))[1:]
SPARE_POD_NETWORKS: Sequence[IPv4Network] = _NETWORKS[len(SIMULATED_NODES) :]
"""Pod networks for further simulated nodes, one each."""

GPU_TAINT: Mapping[str, str] = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}

# A GKE g2-standard-8 less its GPUs: 8 CPUs, 32 GB.
_MACHINE = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"}


def simulated_node_manifests() -> list[dict[str, object]]:
    """Return the lab's own simulated nodes as GKE labels and taints them, with one L4 each."""
    labels = {"cloud.google.com/gke-accelerator": ACCELERATOR}
    return [
        simulated_node(name, network, labels, {"nvidia.com/gpu": 1})
        for name, network in zip(SIMULATED_NODES, _NETWORKS, strict=False)
    ]


def simulated_node(
    name: str,
    pod_network: IPv4Network,
    labels: Mapping[str, str],
    devices: Mapping[str, int],
    taints: Sequence[Mapping[str, str]] = (),
) -> dict[str, object]:
    """Return a node that kwok keeps ready, on which pods run in the API alone.

    Args:
        name: Its name.
        pod_network: The addresses of its pods; no other node's.
        labels: Labels beside those that every node has.
        devices: Resource name → devices that it shows.
        taints: Taints beside that of GPU nodes.
    """
    resources = {**_MACHINE, **{resource: str(count) for resource, count in devices.items()}}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "bulkhead.dev/simulated": "true",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                **labels,
            },
        },
        "spec": {
            "podCIDR": str(pod_network),
            "podCIDRs": [str(pod_network)],
            "taints": [dict(taint) for taint in (GPU_TAINT, *taints)],
        },
        "status": {"capacity": resources, "allocatable": resources},
    }
