"""Partitions: what the accelerator and its division can do, and what engines may ask of them.

Sources: GKE's GPU documentation and NVIDIA's MIG user guide (sizes, and that instances have no peer-to-peer link);
GKE's and the device plugin's documentation on time-slicing (asking for more than one share gives no more compute);
gVisor's nvproxy, which does not pass /dev/nvidia-caps on, where MIG instances are opened.
"""

from collections.abc import Iterator

from infra.config.accelerators import BUILT_IN, FACTS, Accelerator, accelerators_with, mig_instances_per_gpu
from infra.config.cluster import GkeCluster
from infra.config.draft import Draft, at
from infra.config.models import Model
from infra.config.pools import MigPartition, Pool, TimeSlicingPartition, WholePartition
from infra.config.problem import Problem
from infra.config.words import counted, listed, near_miss


def check_partitions(draft: Draft) -> Iterator[Problem]:
    """Divisions that the hardware does not have, and engines that do not fit the division."""
    for index, pool in draft.pools.read.items():
        if pool.is_gpu:
            yield from _mig(index, pool)
        else:
            yield from _cpu_pool(index, pool)
        if isinstance(draft.cluster, GkeCluster):
            yield from _gpus_that_gke_offers(index, pool)
    for index, model in draft.models.read.items():
        pool = draft.pools.by_name.get(model.pool)
        if pool is not None:
            yield from _engine(index, model, pool)


def _mig(index: int, pool: Pool) -> Iterator[Problem]:
    if not isinstance(pool.partition, MigPartition):
        return
    sizes = list(mig_instances_per_gpu(pool.accelerator))
    if not sizes:
        able = [accelerator for accelerator in Accelerator if mig_instances_per_gpu(accelerator)]
        yield Problem(
            at("pools", index, "partition", "kind"),
            f"`{pool.accelerator}` has no MIG",
            "its GPUs cannot be divided in hardware, and no node would come up",
            f"`whole` or `time_slicing`, or one of the accelerators with MIG: {listed(able)}",
        )
    elif pool.sandbox is not None:
        yield Problem(
            at("pools", index, "sandbox"),
            f"`{pool.sandbox}` does not show MIG instances to the containers that it holds",
            "engines and jobs would start on a node with GPUs and find none",
            "remove `sandbox`, or partition: {kind: whole}",
        )
    elif pool.partition.size not in sizes:
        meant = near_miss(pool.partition.size, sizes)
        yield Problem(
            at("pools", index, "partition", "size"),
            f"`{pool.accelerator}` has no MIG size `{pool.partition.size}`",
            "no node would come up",
            (f"`{meant}`, if that is meant; " if meant else "") + f"its sizes are {listed(sizes)}",
        )


def _gpus_that_gke_offers(index: int, pool: Pool) -> Iterator[Problem]:
    offered = sorted(FACTS[pool.accelerator].machine_types) if pool.is_gpu else ()
    if pool.is_gpu and pool.gpus_on_each_node not in offered:
        yield Problem(
            at("pools", index, "gpus_per_node"),
            f"GKE offers no machine with {pool.gpus_on_each_node} x `{pool.accelerator}`",
            "the node pool cannot be created",
            f"gpus_per_node: {' or '.join(map(str, offered))}",
        )
    else:
        yield from _gpus_of_the_machine(index, pool)


def _gpus_of_the_machine(index: int, pool: Pool) -> Iterator[Problem]:
    """GPUs, instances and quotas are counted by `gpus_per_node`, so a machine with others makes every sum wrong."""
    if pool.machine_type is None:
        return
    has = BUILT_IN.get(pool.machine_type)
    if has is None:
        yield from _accelerator_of_the_machine(index, pool, pool.machine_type)
        return
    count, accelerator = has
    if has == (pool.gpus_on_each_node, pool.accelerator):
        return
    pools = f"{pool.gpus_on_each_node} x `{pool.accelerator}`" if pool.is_gpu else "no GPUs"
    other = "" if accelerator is pool.accelerator else f"accelerator: {accelerator} with "
    yield Problem(
        at("pools", index, "machine_type"),
        f"`{pool.machine_type}` has {count} x `{accelerator}`, and the pool {pools}",
        "the node pool cannot be created",
        f"{other}gpus_per_node: {count}, or leave machine_type out",
    )


def _accelerator_of_the_machine(index: int, pool: Pool, machine_type: str) -> Iterator[Problem]:
    """Of a machine whose GPUs are not counted here: whether it can have the pool's at all."""
    possible = accelerators_with(machine_type)
    if pool.accelerator in possible:
        return
    if pool.is_gpu:
        wrong = f"GKE offers no `{pool.accelerator}` with `{machine_type}`"
        write = f"machine_type: {FACTS[pool.accelerator].machine_types[pool.gpus_on_each_node]}, or leave it out"
    else:
        wrong = f"`{machine_type}` has `{possible[0]}` built in, and the pool no GPUs"
        write = f"accelerator: {possible[0]}, or leave machine_type out"
    yield Problem(at("pools", index, "machine_type"), wrong, "the node pool cannot be created", write)


def _cpu_pool(index: int, pool: Pool) -> Iterator[Problem]:
    if pool.gpus_per_node is not None:
        yield Problem(
            at("pools", index, "gpus_per_node"),
            "a `cpu` pool has no GPUs",
            "the number would mean nothing",
            "remove it, or name the accelerator",
        )
    if not isinstance(pool.partition, WholePartition):
        yield Problem(
            at("pools", index, "partition", "kind"),
            "a `cpu` pool has no GPUs to divide",
            "the partition would mean nothing",
            "remove `partition`, or name the accelerator",
        )


def _engine(index: int, model: Model, pool: Pool) -> Iterator[Problem]:
    if not pool.is_gpu:
        yield from _engine_without_gpu(index, model, pool)
        return
    gpus = model.devices
    together = model.engine.tensor_parallel_size or gpus
    if gpus > 1 and isinstance(pool.partition, TimeSlicingPartition):
        yield Problem(
            at("models", index, "gpus"),
            f"an engine asks for {gpus} devices of `{pool.name}`, whose GPUs are time-sliced",
            "shares of a time-sliced GPU do not add up: it would get one GPU's turn and wait for more",
            "gpus: 1, or a pool with whole GPUs",
        )
    elif gpus > 1 and isinstance(pool.partition, MigPartition):
        yield Problem(
            at("models", index, "gpus"),
            f"an engine asks for {gpus} devices of `{pool.name}`, whose GPUs are divided by MIG",
            "MIG instances cannot exchange data with each other, so one engine cannot span them",
            "gpus: 1 and a larger MIG size, or a pool with whole GPUs",
        )
    elif together > gpus:
        yield Problem(
            at("models", index, "engine", "tensor_parallel_size"),
            f"the model is split over {together} GPUs, and an engine has {counted(gpus, 'GPU')}",
            "the engine would not start",
            f"tensor_parallel_size: {gpus}, or gpus: {together}",
        )
    elif together < gpus:
        yield Problem(
            at("models", index, "engine", "tensor_parallel_size"),
            f"the model is split over {counted(together, 'GPU')}, and an engine holds {gpus}",
            f"{counted(gpus - together, 'GPU')} of each engine would stand idle and be paid for",
            f"tensor_parallel_size: {gpus}, or gpus: {together} with more replicas",
        )


def _engine_without_gpu(index: int, model: Model, pool: Pool) -> Iterator[Problem]:
    if model.gpus is not None:
        yield Problem(
            at("models", index, "gpus"),
            f"the pool `{pool.name}` has no GPUs",
            "the engines would never be scheduled",
            "remove `gpus`, or use a pool with GPUs",
        )
    if (model.engine.tensor_parallel_size or 1) > 1:
        yield Problem(
            at("models", index, "engine", "tensor_parallel_size"),
            f"the pool `{pool.name}` has no GPUs to split the model over",
            "the engine would not start",
            "remove it, or use a pool with GPUs",
        )
