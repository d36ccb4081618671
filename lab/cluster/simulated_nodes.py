"""Two GPU nodes that exist in the API alone, so that GPU pods can be placed, queued and counted without a GPU."""

from lab.cluster.addresses import POD_NETWORK

SIMULATED_NODES = ("bulkhead-simulated-l4-0", "bulkhead-simulated-l4-1")
ACCELERATOR = "nvidia-l4"

# Given by hand, so that the first network is left for the real node, whose CNI file names it.
_POD_NETWORKS = list(POD_NETWORK.subnets(new_prefix=24))[1:3]

# A GKE g2-standard-8 with one L4: 8 CPUs, 32 GB, one GPU.
_RESOURCES = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110", "nvidia.com/gpu": "1"}


def simulated_node_manifests() -> list[dict[str, object]]:
    """Return the simulated nodes as GKE labels and taints them."""
    return [_node(name, str(network)) for name, network in zip(SIMULATED_NODES, _POD_NETWORKS, strict=True)]


def _node(name: str, pod_network: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "bulkhead.dev/simulated": "true",
                "cloud.google.com/gke-accelerator": ACCELERATOR,
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            },
        },
        "spec": {
            "podCIDR": pod_network,
            "podCIDRs": [pod_network],
            "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}],
        },
        "status": {"capacity": _RESOURCES, "allocatable": _RESOURCES},
    }
