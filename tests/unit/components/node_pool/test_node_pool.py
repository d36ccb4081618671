"""GKE node pools: one way of dividing a GPU each, and no replacement under one name."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from components.cluster.gke import GkeCluster, GkeClusterArgs
from components.node_pool import FORCES_REPLACEMENT, NodePool, NodePoolArgs
from infra.blueprint.model import MigPart, NodePoolPart, TaintPart, TimeSlicingPart, WholeGpuPart
from infra.blueprint.nodes import node_pool
from infra.config.accelerators import Accelerator
from infra.config.pools import MigPartition, NodeRange, Pool, Sandbox, TimeSlicingPartition
from infra.plan import PlannedResource, record
from tests.unit.components.cluster.test_gke_cluster import PART as CLUSTER

PART = NodePoolPart(
    name="l4-whole",
    accelerator="nvidia-l4",
    gpus_per_node=2,
    partition=WholeGpuPart(),
    machine_type="g2-standard-24",
    boot_disk_gigabytes=340,
    nodes_min=0,
    nodes_max=4,
    spot=False,
    labels={"bulkhead.dev/pool": "l4-whole"},
    taints=(),
)


def made(part: NodePoolPart = PART) -> PlannedResource:
    (only,) = record("test", lambda: _make(part)).of_type("gcp:container/nodePool:NodePool")
    return only


def _make(part: NodePoolPart) -> None:
    cluster = GkeCluster("cluster", GkeClusterArgs(CLUSTER))
    NodePool(f"node-pool-{part.name}", NodePoolArgs(part, cluster.cluster, cluster.node_account))


def node_config(part: NodePoolPart = PART) -> dict[str, Any]:
    return cast("dict[str, Any]", made(part).inputs["nodeConfig"])


def accelerator(part: NodePoolPart) -> dict[str, Any]:
    (only,) = node_config(part)["guestAccelerators"]
    return only


def test_a_whole_gpu_is_neither_partitioned_nor_shared() -> None:
    found = accelerator(PART)

    assert (found["type"], found["count"]) == ("nvidia-l4", 2)
    assert "gpuPartitionSize" not in found
    assert "gpuSharingConfig" not in found


def test_mig_sets_the_partition_size_and_never_a_sharing_strategy() -> None:
    found = accelerator(dataclasses.replace(PART, partition=MigPart("1g.10gb")))

    assert found["gpuPartitionSize"] == "1g.10gb"
    assert "gpuSharingConfig" not in found


def test_time_slicing_sets_the_clients_and_no_partition() -> None:
    found = accelerator(dataclasses.replace(PART, partition=TimeSlicingPart(4)))

    assert found["gpuSharingConfig"] == {"gpuSharingStrategy": "TIME_SHARING", "maxSharedClientsPerGpu": 4}
    assert "gpuPartitionSize" not in found


def test_a_cpu_pool_has_no_accelerators() -> None:
    assert node_config(dataclasses.replace(PART, accelerator=None, gpus_per_node=0)).get("guestAccelerators") in (
        [],
        None,
    )


def test_a_dedicated_pool_keeps_other_tenants_away() -> None:
    taint = TaintPart("bulkhead.dev/dedicated-to", "red", "NoSchedule")

    assert node_config(dataclasses.replace(PART, taints=(taint,)))["taints"] == [
        {"key": "bulkhead.dev/dedicated-to", "value": "red", "effect": "NO_SCHEDULE"}
    ]


def test_pods_cannot_take_the_nodes_identity() -> None:
    assert node_config()["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
    assert node_config()["metadata"] == {"disable-legacy-endpoints": "true"}


def test_nodes_boot_only_what_is_signed() -> None:
    assert node_config()["shieldedInstanceConfig"] == {"enableSecureBoot": True, "enableIntegrityMonitoring": True}


def test_the_boot_disk_is_as_large_as_the_blueprint_says() -> None:
    assert node_config()["diskSizeGb"] == 340


def test_a_pool_is_sandboxed_and_encrypted_only_where_it_says_so() -> None:
    plain, hard = (
        cast("dict[str, Any]", made(part).inputs["nodeConfig"])
        for part in (PART, dataclasses.replace(PART, sandboxed=True, memory_encryption="TDX"))
    )

    assert {"sandboxConfig", "confidentialNodes"}.isdisjoint(plain)
    assert hard["sandboxConfig"] == {"type": "GVISOR"}
    assert hard["confidentialNodes"] == {"enabled": True, "confidentialInstanceType": "TDX"}


def test_the_range_of_nodes_counts_over_all_zones() -> None:
    autoscaling = cast("dict[str, Any]", made().inputs["autoscaling"])

    assert (autoscaling["totalMinNodeCount"], autoscaling["totalMaxNodeCount"]) == (0, 4)


def test_the_pool_goes_with_its_cluster() -> None:
    assert made().options.deleted_with.endswith("gcp:container/cluster:Cluster::cluster-control-plane")


def test_the_autoscalers_count_is_no_drift_and_never_replaces_the_pool() -> None:
    assert "initialNodeCount" in FORCES_REPLACEMENT
    assert made().options.ignore_changes == ("initialNodeCount",)


POOL = Pool(name="gpus", accelerator=Accelerator.NVIDIA_A100_80GB, gpus_per_node=2, nodes=NodeRange(max=4))


@pytest.mark.parametrize(
    "change",
    [
        {"partition": MigPartition(kind="mig", size="1g.10gb")},
        {"partition": MigPartition(kind="mig", size="2g.20gb")},
        {"partition": TimeSlicingPartition(kind="time_slicing", clients=4)},
        {"gpus_per_node": 4},
        {"spot": True},
        {"confidential": True, "machine_type": "n2d-standard-8"},
        {"sandbox": Sandbox.GVISOR},
    ],
    ids=str,
)
def test_a_change_that_would_replace_the_pool_makes_another_pool_instead(change: Mapping[str, object]) -> None:
    before, after = node_pool(POOL), node_pool(POOL.model_copy(update=dict(change)))

    assert replacing_differences(before, after)
    assert before.name != after.name


@pytest.mark.parametrize(
    "change",
    [{"nodes": NodeRange(min=1, max=9)}, {"machine_type": "a2-ultragpu-4g"}, {"dedicated_to": "red"}],
    ids=str,
)
def test_a_change_in_place_keeps_the_pool(change: Mapping[str, object]) -> None:
    before, after = node_pool(POOL), node_pool(POOL.model_copy(update=dict(change)))

    assert before.name == after.name
    assert not replacing_differences(before, after)


def test_another_accelerator_under_one_name_deletes_first_since_two_pools_cannot_share_a_name() -> None:
    before = node_pool(POOL)
    after = node_pool(POOL.model_copy(update={"accelerator": Accelerator.NVIDIA_TESLA_A100}))

    assert before.name == after.name
    assert replacing_differences(before, after) == {"nodeConfig.guestAccelerators"}
    assert made(after).options.delete_before_replace is True


def replacing_differences(before: NodePoolPart, after: NodePoolPart) -> set[str]:
    """Properties, other than the name, that differ and force a replacement and are not ignored."""
    one, other = made(before), made(after)
    one_values, other_values = (dict(_leaves(pool.inputs)) for pool in (one, other))
    differing = {path for path in FORCES_REPLACEMENT if one_values.get(path) != other_values.get(path)}
    return differing - {"name"} - set(one.options.ignore_changes)


def _leaves(inputs: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in inputs.items():
        yield key, value
        if key == "nodeConfig":
            yield from ((f"{key}.{inner}", inner_value) for inner, inner_value in value.items())
