"""One GKE node pool."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import pulumi
import pulumi_gcp as gcp

from infra.blueprint.model import MigPart, NodePoolPart, TimeSlicingPart, WholeGpuPart

if TYPE_CHECKING:
    from pulumi_gcp.container import NodePoolNodeConfigArgsDict, NodePoolNodeConfigGuestAcceleratorArgsDict

CLOUD_PLATFORM_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""Scopes are the older of two gates; what nodes may do is decided by their account's roles."""


@dataclass(frozen=True)
class NodePoolArgs:
    """The pool to create, and the cluster that it joins.

    Attributes:
        cluster: The cluster; the pool goes with it.
        node_account: E-mail address of the nodes' service account.
    """

    part: NodePoolPart
    cluster: "gcp.container.Cluster"
    node_account: pulumi.Input[str]


class NodePool(pulumi.ComponentResource):
    """Nodes of one kind: whole GPUs, MIG instances, time-sliced GPUs, or none; open to all or dedicated by a taint.

    A GPU is divided in one way only. GKE would layer time-slicing on MIG, which takes the boundary away again, so a
    partition is one of three and never two.
    """

    pool: "gcp.container.NodePool"

    def __init__(self, name: str, args: NodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:node_pool:NodePool", name, None, opts)
        part = args.part
        self.pool = gcp.container.NodePool(
            f"{name}-nodes",
            name=part.name,
            cluster=args.cluster.name,
            project=args.cluster.project,
            location=args.cluster.location,
            initial_node_count=1 if part.nodes_min else 0,
            autoscaling={
                "total_min_node_count": part.nodes_min,
                "total_max_node_count": part.nodes_max,
                "location_policy": "ANY" if part.accelerator or part.spot else "BALANCED",
            },
            management={"auto_repair": True, "auto_upgrade": True},
            upgrade_settings=_upgrade_settings(part),
            network_config={"enable_private_nodes": True},
            node_config=_node_config(part, args.node_account),
            opts=pulumi.ResourceOptions(
                parent=self,
                deleted_with=args.cluster,
                # The autoscaler owns the count from the first minute, and a change of this field replaces the pool.
                ignore_changes=["initialNodeCount"],
                # What still forces a replacement keeps the pool's name, which two pools cannot have.
                delete_before_replace=True,
            ),
        )
        self.register_outputs({})


def _upgrade_settings(part: NodePoolPart) -> "gcp.container.NodePoolUpgradeSettingsArgsDict":
    """GPUs are scarce: a surge node may never come, so GPU nodes are upgraded one by one in their place."""
    if part.accelerator:
        return {"strategy": "SURGE", "max_surge": 0, "max_unavailable": 1}
    return {"strategy": "SURGE", "max_surge": 1, "max_unavailable": 0}


def _node_config(part: NodePoolPart, account: pulumi.Input[str]) -> "NodePoolNodeConfigArgsDict":
    return {
        **_hardening(part),
        "machine_type": part.machine_type,
        "image_type": "COS_CONTAINERD",
        "disk_size_gb": part.boot_disk_gigabytes,
        "disk_type": "pd-balanced",
        "spot": part.spot,
        "service_account": account,
        "oauth_scopes": [CLOUD_PLATFORM_SCOPE],
        "metadata": {"disable-legacy-endpoints": "true"},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
        "kubelet_config": {"insecure_kubelet_readonly_port_enabled": "FALSE"},
        "gvnic": {"enabled": True},
        "gcfs_config": {"enabled": True},
        "labels": dict(sorted(part.labels.items())),
        "taints": [
            {"key": taint.key, "value": taint.value, "effect": taint.gke_effect}
            for taint in sorted(part.taints, key=lambda taint: (taint.key, taint.value, taint.effect))
        ],
        "guest_accelerators": _accelerators(part),
    }


def _hardening(part: NodePoolPart) -> "NodePoolNodeConfigArgsDict":
    """What only some pools have; each replaces the nodes when it comes or goes."""
    config: NodePoolNodeConfigArgsDict = {}
    if part.memory_encryption:
        config["confidential_nodes"] = {"enabled": True, "confidential_instance_type": part.memory_encryption}
    if part.sandboxed:
        config["sandbox_config"] = {"type": "GVISOR"}
    return config


def _accelerators(part: NodePoolPart) -> "list[NodePoolNodeConfigGuestAcceleratorArgsDict]":
    if part.accelerator is None:
        return []
    accelerator: NodePoolNodeConfigGuestAcceleratorArgsDict = {
        "type": part.accelerator,
        "count": part.gpus_per_node,
        "gpu_driver_installation_config": {"gpu_driver_version": "DEFAULT"},
    }
    match part.partition:
        case WholeGpuPart():
            pass
        case MigPart(size=size):
            accelerator["gpu_partition_size"] = size
        case TimeSlicingPart(clients=clients):
            accelerator["gpu_sharing_config"] = {
                "gpu_sharing_strategy": "TIME_SHARING",
                "max_shared_clients_per_gpu": clients,
            }
        case _:
            assert_never(part.partition)
    return [accelerator]
