"""How a pool of the configuration looks to Kubernetes: labels, taints, device names, node-pool names."""

from collections.abc import Mapping

from infra.blueprint.model import (
    MigPart,
    NodePoolPart,
    PartitionPart,
    TaintPart,
    TimeSlicingPart,
    TolerationPart,
    WholeGpuPart,
)
from infra.config.accelerators import FACTS
from infra.config.cluster import Cluster, GkeCluster
from infra.config.pools import MigPartition, Pool, TimeSlicingPartition, WholePartition

ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
MIG_SIZE_LABEL = "cloud.google.com/gke-gpu-partition-size"
SHARING_STRATEGY_LABEL = "cloud.google.com/gke-gpu-sharing-strategy"
POOL_LABEL = "bulkhead.dev/pool"
DEDICATED_KEY = "bulkhead.dev/dedicated-to"
GPU_TAINT = TaintPart("nvidia.com/gpu", "present", "NoSchedule")
WHOLE_GPU_RESOURCE = "nvidia.com/gpu"
CPU_MACHINE_TYPE = "e2-standard-8"
"""Room for the gateway, its database, Kueue and the cluster's own pods on one node."""


def partition_part(pool: Pool) -> PartitionPart:
    """The pool's partition in the blueprint's terms."""
    match pool.partition:
        case WholePartition():
            return WholeGpuPart()
        case MigPartition(size=size):
            return MigPart(size)
        case TimeSlicingPartition(clients=clients):
            return TimeSlicingPart(clients)


def node_pool_name(pool: Pool) -> str:
    """The pool's name with everything in it that forces a node pool's replacement; see `Pool.node_pool_name`."""
    return pool.node_pool_name


def device_resource(pool: Pool, cluster: Cluster) -> str:
    """The resource name that pods ask for.

    GKE shows MIG instances as `nvidia.com/gpu` and tells sizes apart by a node label; NVIDIA's operator with the mixed
    strategy, the usual choice elsewhere, gives each size a name of its own.
    """
    if isinstance(pool.partition, MigPartition) and not isinstance(cluster, GkeCluster):
        return f"nvidia.com/mig-{pool.partition.size}"
    return WHOLE_GPU_RESOURCE


def node_labels(pool: Pool, cluster: Cluster) -> Mapping[str, str]:
    """The labels that select the pool's nodes; empty where any node without GPUs will do."""
    if isinstance(cluster, GkeCluster):
        return {POOL_LABEL: node_pool_name(pool)}
    if pool.node_labels is not None:
        return dict(sorted(pool.node_labels.items()))
    if not pool.is_gpu:
        return {}
    labels = {ACCELERATOR_LABEL: str(pool.accelerator)}
    if isinstance(pool.partition, MigPartition):
        labels[MIG_SIZE_LABEL] = pool.partition.size
    if isinstance(pool.partition, TimeSlicingPartition):
        labels[SHARING_STRATEGY_LABEL] = "time-sharing"
    return labels


def taints(pool: Pool) -> tuple[TaintPart, ...]:
    """The taints of the pool's nodes: one that keeps pods without a GPU away, one that keeps other tenants away."""
    gpu = (GPU_TAINT,) if pool.is_gpu else ()
    dedicated = (TaintPart(DEDICATED_KEY, pool.dedicated_to, "NoSchedule"),) if pool.dedicated_to else ()
    return gpu + dedicated


def tolerations(pool: Pool) -> tuple[TolerationPart, ...]:
    """What a pod needs to run on the pool's nodes; the GPU taint's value differs between clusters: any will do."""
    gpu = (TolerationPart(GPU_TAINT.key, None, GPU_TAINT.effect),) if pool.is_gpu else ()
    dedicated = (TolerationPart(DEDICATED_KEY, pool.dedicated_to, "NoSchedule"),) if pool.dedicated_to else ()
    return gpu + dedicated


def node_pool(pool: Pool) -> NodePoolPart:
    """The GKE node pool for `pool`."""
    name = node_pool_name(pool)
    facts = FACTS.get(pool.accelerator)
    usual_machine_type = facts.machine_types[pool.gpus_on_each_node] if facts else CPU_MACHINE_TYPE
    return NodePoolPart(
        name=name,
        accelerator=str(pool.accelerator) if pool.is_gpu else None,
        gpus_per_node=pool.gpus_on_each_node,
        partition=partition_part(pool),
        machine_type=pool.machine_type or usual_machine_type,
        nodes_min=pool.nodes.min,
        nodes_max=pool.nodes.max,
        spot=pool.spot,
        labels={POOL_LABEL: name},
        taints=tuple(taint for taint in taints(pool) if taint != GPU_TAINT),
    )
