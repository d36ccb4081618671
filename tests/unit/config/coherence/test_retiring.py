"""Node pools on their way out stand beside the pools in use, on clusters whose nodes the stack makes."""

from typing import Any

import pytest

from infra.config.stack import StackConfig
from tests.unit.config.documents import Document, document, faults_of, only_fault, sound

GKE: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
LEAVING: Document = {"name": "l4", "accelerator": "nvidia-l4", "nodes": {"max": 4}, "boot_disk_gigabytes": 235}


def leaving(**changes: Any) -> Document:
    return {"cluster": GKE, "retiring_pools": [{**LEAVING, **changes}]}


def test_a_pool_that_is_divided_otherwise_may_be_called_as_the_one_in_use() -> None:
    (pool,) = sound(leaving()).retiring_pools

    assert (pool.name, pool.node_pool_name, pool.boot_disk_gigabytes) == ("l4", "l4-whole", 235)


def test_none_on_its_way_out_may_be_written_out() -> None:
    assert sound({"retiring_pools": []}).retiring_pools == ()


def test_the_pool_in_use_cannot_be_on_its_way_out() -> None:
    fault = only_fault(leaving(gpus_per_node=2))

    assert fault.path == "bulkhead:retiring_pools[0]"
    assert fault.wrong == "`l4-whole-x2` is pools[1] as well"
    assert fault.write == "remove it from here; or remove pools[1], if the pool is to go"


def test_one_pool_that_is_written_twice_is_to_be_written_once() -> None:
    fault = only_fault({"cluster": GKE, "retiring_pools": [LEAVING, LEAVING]})

    assert fault.path == "bulkhead:retiring_pools[1]"
    assert fault.wrong == "`l4-whole` is retiring_pools[0] as well"
    assert fault.write == "remove one of the two: they are the same pool"


def test_a_pool_that_stays_is_not_said_to_be_empty() -> None:
    used = only_fault({"cluster": GKE, "emptied_pools": ["l4-whole", "l4-whole-x2"]})
    leaves = only_fault({**leaving(), "emptied_pools": ["l4-whole"]})

    assert (used.path, used.wrong) == ("bulkhead:emptied_pools[1]", "`l4-whole-x2` is pools[1] as well")
    assert (leaves.path, leaves.wrong) == ("bulkhead:emptied_pools[0]", "`l4-whole` is retiring_pools[0] as well")
    assert "if nothing runs on the pool any more" in leaves.write


def test_an_emptied_pool_is_a_name() -> None:
    assert only_fault({"cluster": GKE, "emptied_pools": [{"name": "l4"}]}).path == "bulkhead:emptied_pools[0]"
    assert sound({"cluster": GKE, "emptied_pools": ["l4-whole"]}).emptied_pools == ("l4-whole",)


@pytest.mark.parametrize("key", ["retiring_pools", "emptied_pools"])
def test_the_examples_of_the_reference_hold_beside_each_other(key: str) -> None:
    pools, value = ((StackConfig.model_fields[one].examples or [])[0] for one in ("pools", key))
    system = {"name": "system", "accelerator": "cpu", "nodes": {"min": 2, "max": 4}}

    assert sound(
        {"cluster": GKE, "pools": [*pools, system], "tenants.0.gpu_quota": 0, "models.0.replicas": 1, key: value}
    )


def test_the_nodes_of_an_existing_cluster_do_not_go() -> None:
    fault = only_fault({"retiring_pools": [LEAVING]})

    assert "the nodes of an existing cluster are its operator's" in fault.wrong
    assert "remove it" in fault.write


@pytest.mark.parametrize("name", ["gone-whole", "l4-whole-x2"], ids=["unknown", "in use"])
def test_nor_are_they_said_to_be_empty(name: str) -> None:
    fault = only_fault({"emptied_pools": [name]})

    assert fault.path == "bulkhead:emptied_pools[0]"
    assert "the nodes of an existing cluster are its operator's" in fault.wrong
    assert fault.write == "remove it"
    assert sound({"emptied_pools": []}).emptied_pools == ()


def test_a_pool_that_gke_cannot_have_made_is_refused() -> None:
    assert "GKE has no node pool such as `l4-whole-x3`" in only_fault(leaving(gpus_per_node=3)).wrong


def test_a_key_that_is_not_known_is_found_in_its_place() -> None:
    (fault, *_) = faults_of(document(leaving(disk=3)))

    assert fault.path.startswith("bulkhead:retiring_pools[0]")
