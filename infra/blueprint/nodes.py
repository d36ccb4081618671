"""How a pool of the configuration looks to Kubernetes: labels, taints, device names, node-pool names."""

from collections.abc import Iterable, Mapping
from math import ceil

from infra.blueprint.devices import WHOLE_GPU, mig_resource
from infra.blueprint.model import (
    MigPart,
    NodePoolPart,
    PartitionPart,
    PoolPart,
    TaintPart,
    TimeSlicingPart,
    TolerationPart,
    WholeGpuPart,
)
from infra.config.accelerators import confidential_technology
from infra.config.cluster import Cluster, GkeCluster
from infra.config.engine_pools import engine_groups
from infra.config.models import Model
from infra.config.pools import (
    DEDICATED_KEY,
    MigPartition,
    Pool,
    RetiringPool,
    TimeSlicingPartition,
    WholePartition,
)
from infra.config.tenants import Tenant

POOL_LABEL = "bulkhead.dev/pool"
GPU_TAINT = TaintPart(WHOLE_GPU, "present", "NoSchedule")
BASE_DISK_GIGABYTES = 200
"""What a node takes beside weights: an engine's image unpacks to more than 20 GB, two versions of it meet during an
upgrade, and GKE reserves a share for itself."""
MOST_DISK_GIGABYTES = 65_536
"""The most that a persistent disk holds."""
BYTES_PER_GIBIBYTE = 2**30
BYTES_PER_GIGABYTE = 10**9


def boot_disk_gigabytes(
    pool: Pool, models: Iterable[Model], tenants: Iterable[Tenant] = (), pools: Iterable[Pool] = ()
) -> int:
    """GB of boot disk that hold what a node needs and the weights of the engines that can meet on it.

    Engines meet as far as the node's devices go round; those with the most weights for each device are counted first,
    the last one in part, which no real mix exceeds. On nodes without GPUs, where nothing limits their number, every
    engine may meet every other. Engines that a sensitive tenant gets of its own with KV1 count before it is in force:
    raising the tier must not replace the nodes.

    Args:
        pool: The pool.
        models: The stack's models.
        tenants: The stack's tenants.
        pools: The stack's pools, on which tenants may have engines of their own.
    """
    who, where = tuple(tenants), tuple(pools)
    engines = [(model, _copies(model, who, where, pool)) for model in models if _may_load_on(pool, model)]
    by_weight = sorted(engines, key=_weights_for_each_device, reverse=True)
    left = pool.devices_on_each_node
    gibibytes = 0.0
    for model, copies in by_weight:
        wanted = model.engines_at_most * model.devices * copies
        taken = min(wanted, left) if pool.is_gpu else wanted
        left -= taken
        gibibytes += taken * model.weights_gibibytes / model.devices
    return min(BASE_DISK_GIGABYTES + ceil(gibibytes * BYTES_PER_GIBIBYTE / BYTES_PER_GIGABYTE), MOST_DISK_GIGABYTES)


def _weights_for_each_device(engines: tuple[Model, int]) -> float:
    """GiB of weights for each device of a model's engines, of which there are so many copies."""
    model, _ = engines
    return model.weights_gibibytes / model.devices


def _may_load_on(pool: Pool, model: Model) -> bool:
    """Whether engines of a model may stage weights on a pool's nodes, which those in an image do not."""
    return not model.source.startswith("/") and (model.pool == pool.name or pool.dedicated_to is not None)


def _copies(model: Model, tenants: Iterable[Tenant], pools: Iterable[Pool], pool: Pool) -> int:
    """How often a model's engines may stand beside each other on a pool, each for other tenants."""
    found = (engine_groups(model, tenants, pools, scoped=scoped) for scoped in (False, True))
    return max(sum(group.pool == pool.name for group in groups) for groups in found)


def _boot_disk(pool: Pool) -> int | None:
    """What the nodes have already, of a pool whose engines have moved away."""
    return pool.boot_disk_gigabytes if isinstance(pool, RetiringPool) else None


def partition_part(pool: Pool) -> PartitionPart:
    """The pool's partition in the blueprint's terms."""
    match pool.partition:
        case WholePartition():
            return WholeGpuPart()
        case MigPartition(size=size):
            return MigPart(size)
        case TimeSlicingPartition(clients=clients):
            return TimeSlicingPart(clients)


def device_resource(pool: Pool, cluster: Cluster) -> str:
    """The resource name that pods ask for.

    GKE shows MIG instances as `nvidia.com/gpu` and tells sizes apart by a node label; NVIDIA's operator with the mixed
    strategy, the usual choice elsewhere, gives each size a name of its own.
    """
    if isinstance(pool.partition, MigPartition) and not isinstance(cluster, GkeCluster):
        return mig_resource(pool.partition.size)
    return WHOLE_GPU


def node_labels(pool: Pool, cluster: Cluster) -> Mapping[str, str]:
    """The labels that select the pool's nodes; empty where any node without GPUs will do."""
    if isinstance(cluster, GkeCluster):
        return {POOL_LABEL: pool.node_pool_name}
    if pool.node_labels is not None:
        return dict(sorted(pool.node_labels.items()))
    return pool.gke_labels


def dedicated_taint(tenant: str) -> TaintPart:
    """The taint that keeps others than a tenant off the nodes that are its own."""
    return TaintPart(DEDICATED_KEY, tenant, "NoSchedule")


def taints(pool: Pool) -> tuple[TaintPart, ...]:
    """The taints of the pool's nodes: one that keeps pods without a GPU away, one that keeps other tenants away."""
    gpu = (GPU_TAINT,) if pool.is_gpu else ()
    dedicated = (dedicated_taint(pool.dedicated_to),) if pool.dedicated_to else ()
    return gpu + dedicated


def tolerations(pool: Pool) -> tuple[TolerationPart, ...]:
    """What a pod needs to run on the pool's nodes; the GPU taint's value differs between clusters: any will do."""
    return tuple(
        TolerationPart(taint.key, None if taint == GPU_TAINT else taint.value, taint.effect) for taint in taints(pool)
    )


def pool_part(pool: Pool, cluster: Cluster) -> PoolPart:
    """A pool in the blueprint's terms, whoever makes its nodes."""
    return PoolPart(
        name=pool.name,
        flavor=pool.node_pool_name,
        node_labels=node_labels(pool, cluster),
        partition=partition_part(pool),
        dedicated_to=pool.dedicated_to,
        nodes_max=pool.nodes.max,
        gpus_per_node=pool.gpus_on_each_node,
        devices_per_gpu=pool.devices_per_gpu,
        resource=device_resource(pool, cluster),
        runtime_class=runtime_class(pool),
    )


def runtime_class(pool: Pool) -> str | None:
    """The runtime class that pods have to name to run on the pool's nodes: GKE calls it as the sandbox."""
    return str(pool.sandbox) if pool.sandbox else None


def node_pool(
    pool: Pool, models: Iterable[Model] = (), tenants: Iterable[Tenant] = (), pools: Iterable[Pool] = ()
) -> NodePoolPart:
    """The GKE node pool for `pool`, of a stack with these `pools`, `models` and `tenants`."""
    name = pool.node_pool_name
    machine_type = pool.gke_machine_type
    if machine_type is None:
        raise ValueError(f"GKE has no machine for pool {pool.name}; the loader refuses such a stack file")
    return NodePoolPart(
        name=name,
        accelerator=str(pool.accelerator) if pool.is_gpu else None,
        gpus_per_node=pool.gpus_on_each_node,
        partition=partition_part(pool),
        machine_type=machine_type,
        boot_disk_gigabytes=_boot_disk(pool) or boot_disk_gigabytes(pool, models, tenants, pools),
        nodes_min=pool.nodes.min,
        nodes_max=pool.nodes.max,
        spot=pool.spot,
        memory_encryption=confidential_technology(machine_type) if pool.confidential else None,
        sandboxed=pool.sandbox is not None,
        labels={POOL_LABEL: name},
        taints=tuple(taint for taint in taints(pool) if taint != GPU_TAINT),
    )
