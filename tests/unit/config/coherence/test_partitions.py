"""What a GPU's division allows."""

from typing import Any

import pytest

from tests.unit.config.documents import only_fault, sound

MIG = {"kind": "mig", "size": "1g.10gb"}
SHARED = {"kind": "time_slicing", "clients": 4}
GKE = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}


def test_mig_on_a_gpu_without_it_is_refused_with_the_gpus_that_have_it() -> None:
    fault = only_fault({"pools.1.partition": MIG})

    assert fault.path == "bulkhead:pools[1].partition.kind"
    assert "`nvidia-l4` has no MIG" in fault.wrong
    assert "nvidia-h100-80gb" in fault.write


def test_a_mig_size_that_the_gpu_does_not_have_is_refused_with_its_sizes() -> None:
    fault = only_fault({"pools.1.accelerator": "nvidia-a100-80gb", "pools.1.partition": {**MIG, "size": "1g.5gb"}})

    assert fault.path == "bulkhead:pools[1].partition.size"
    assert "`1g.10gb`, `2g.20gb`, `3g.40gb` and `7g.80gb`" in fault.write


def test_mig_under_gvisor_is_refused_since_no_container_would_see_its_instance() -> None:
    gke = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
    divided = {"cluster": gke, "pools.1.accelerator": "nvidia-a100-80gb", "pools.1.sandbox": "gvisor"}
    fault = only_fault({**divided, "pools.1.partition": MIG})

    assert fault.path == "bulkhead:pools[1].sandbox"
    assert "does not show MIG instances" in fault.wrong
    sound(divided)


def test_mig_that_the_gpu_has_multiplies_its_devices() -> None:
    configuration = sound({"pools.1.accelerator": "nvidia-a100-80gb", "pools.1.partition": MIG})

    assert configuration.pools[1].devices_at_most == 4 * 2 * 7


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"pools.0.gpus_per_node": 1}, "bulkhead:pools[0].gpus_per_node"),
        ({"pools.0.partition": SHARED}, "bulkhead:pools[0].partition.kind"),
    ],
)
def test_gpu_keys_on_a_cpu_pool_are_refused(changes: dict[str, Any], path: str) -> None:
    assert only_fault(changes).path == path


H100 = "nvidia-h100-80gb"


@pytest.mark.parametrize(
    ("accelerator", "count", "machine", "has"),
    [
        (H100, 8, "a3-highgpu-1g", "has 1 x `nvidia-h100-80gb`, and the pool 8 x `nvidia-h100-80gb`"),
        (H100, 1, "a3-highgpu-8g", "has 8 x `nvidia-h100-80gb`, and the pool 1 x `nvidia-h100-80gb`"),
        (H100, 8, "a3-megagpu-8g", "has 8 x `nvidia-h100-mega-80gb`, and the pool 8 x `nvidia-h100-80gb`"),
        ("nvidia-l4", 2, "g2-standard-32", "has 1 x `nvidia-l4`, and the pool 2 x `nvidia-l4`"),
        ("nvidia-tesla-t4", 1, "g2-standard-12", "has 1 x `nvidia-l4`, and the pool 1 x `nvidia-tesla-t4`"),
        ("cpu", ..., "g2-standard-12", "has 1 x `nvidia-l4`, and the pool no GPUs"),
    ],
)
def test_a_machine_with_other_gpus_built_in_than_the_pool_says_is_refused(
    accelerator: str, count: Any, machine: str, has: str
) -> None:
    made = {"name": "made", "accelerator": accelerator, "nodes": {"max": 1}, "machine_type": machine}
    fault = only_fault({"cluster": GKE, "pools.2": made if count is ... else {**made, "gpus_per_node": count}})

    assert fault.path == "bulkhead:pools[2].machine_type"
    assert f"`{machine}` {has}" in fault.wrong
    assert fault.write.endswith("or leave machine_type out")


@pytest.mark.parametrize(
    ("accelerator", "machine", "usual"),
    [
        (H100, "e2-standard-16", "a3-highgpu-1g"),
        (H100, "c3-standard-8", "a3-highgpu-1g"),
        ("nvidia-l4", "n1-standard-8", "g2-standard-12"),
        ("nvidia-l4", "custom-8-30720", "g2-standard-12"),
        ("nvidia-tesla-t4", "g2-custom-24-110592", "n1-standard-8"),
        ("nvidia-tesla-v100", "n2-standard-8", "n1-standard-8"),
    ],
)
def test_a_machine_that_cannot_have_the_pool_s_gpus_is_refused_with_the_usual_one(
    accelerator: str, machine: str, usual: str
) -> None:
    made = {"name": "made", "accelerator": accelerator, "nodes": {"max": 1}, "machine_type": machine}
    fault = only_fault({"cluster": GKE, "pools.2": made})

    assert fault.path == "bulkhead:pools[2].machine_type"
    assert fault.wrong == f"GKE offers no `{accelerator}` with `{machine}`"
    assert fault.write == f"machine_type: {usual}, or leave it out"


def test_a_pool_without_gpus_on_a_machine_with_some_built_in_is_refused_whatever_their_number() -> None:
    made = {"name": "made", "accelerator": "cpu", "nodes": {"max": 1}, "machine_type": "g2-custom-24-110592"}
    fault = only_fault({"cluster": GKE, "pools.2": made})

    assert fault.path == "bulkhead:pools[2].machine_type"
    assert fault.wrong == "`g2-custom-24-110592` has `nvidia-l4` built in, and the pool no GPUs"


def test_an_impossible_number_with_confidential_nodes_does_not_pass_as_the_one_gpu_that_gke_offers() -> None:
    """GKE encrypts machines with one H100; eight of them are promised to nobody."""
    encrypted = {"name": "h100", "accelerator": H100, "machine_type": "a3-highgpu-1g", "nodes": {"max": 1}}
    encrypted |= {"spot": True, "confidential": True}

    assert only_fault({"cluster": GKE, "pools.2": {**encrypted, "gpus_per_node": 8}}).path.endswith("machine_type")
    assert sound({"cluster": GKE, "pools.2": encrypted})


@pytest.mark.parametrize(
    ("accelerator", "count", "machine"),
    [
        ("nvidia-l4", 1, "g2-standard-4"),
        ("nvidia-l4", 2, "g2-standard-24"),
        ("nvidia-l4", 2, "g2-custom-24-110592"),
        ("nvidia-tesla-t4", 2, "n1-standard-8"),
        ("nvidia-tesla-v100", 1, "custom-8-30720"),
        ("cpu", ..., "n1-standard-8"),
        ("cpu", ..., "e2-standard-16"),
    ],
)
def test_a_machine_that_can_have_the_same_gpus_may_be_chosen(accelerator: str, count: Any, machine: str) -> None:
    made = {"name": "made", "accelerator": accelerator, "nodes": {"max": 1}, "machine_type": machine}

    assert sound({"cluster": GKE, "pools.2": made if count is ... else {**made, "gpus_per_node": count}})


def test_a_number_of_gpus_that_gke_does_not_offer_is_refused_on_gke_only() -> None:
    changes = {"pools.1.gpus_per_node": 3, "pools.1.nodes.max": 8}

    assert only_fault({**changes, "cluster": GKE}).write == "gpus_per_node: 1 or 2 or 4 or 8"
    assert sound(changes).pools[1].gpus_per_node == 3


@pytest.mark.parametrize("accelerator", ["nvidia-h200-141gb", "nvidia-b200"])
def test_a_default_of_one_gpu_is_refused_where_gke_has_only_machines_with_eight(accelerator: str) -> None:
    changes = {"cluster": GKE, "pools.1.accelerator": accelerator, "pools.1.gpus_per_node": ..., "pools.1.nodes.max": 8}

    assert only_fault(changes).path == "bulkhead:pools[1]"


def test_time_slicing_with_more_than_one_device_for_each_engine_is_refused() -> None:
    fault = only_fault({"pools.1.partition": SHARED, "models.0.gpus": 2})

    assert fault.path == "bulkhead:models[0].gpus"
    assert "do not add up" in fault.follows


def test_an_engine_over_several_mig_instances_is_refused() -> None:
    fault = only_fault({"pools.1.accelerator": "nvidia-a100-80gb", "pools.1.partition": MIG, "models.0.gpus": 2})

    assert fault.path == "bulkhead:models[0].gpus"


@pytest.mark.parametrize(("gpus", "tensor_parallel_size"), [(1, 2), (2, 1)])
def test_a_model_is_split_over_exactly_the_gpus_of_its_engine(gpus: int, tensor_parallel_size: int) -> None:
    fault = only_fault({"models.0.gpus": gpus, "models.0.engine.tensor_parallel_size": tensor_parallel_size})

    assert fault.path == "bulkhead:models[0].engine.tensor_parallel_size"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"models.0.gpus": 1}, "bulkhead:models[0].gpus"),
        ({"models.0.engine": {"tensor_parallel_size": 2}}, "bulkhead:models[0].engine.tensor_parallel_size"),
    ],
)
def test_engines_without_gpus_do_not_ask_for_any(changes: dict[str, Any], path: str) -> None:
    assert only_fault({**changes, "models.0.pool": "cpu"}).path == path
