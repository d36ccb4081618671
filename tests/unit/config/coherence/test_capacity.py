"""Engines and guaranteed quotas against what the pools can grow to. The pool has 4 nodes of 2 GPUs: 8 devices."""

import pytest

from tests.unit.config.documents import Document, document, faults_of, only_fault, sound

T4: Document = {"name": "t4", "accelerator": "nvidia-tesla-t4", "nodes": {"max": 2}}


def test_exactly_what_the_pool_has_is_accepted() -> None:
    assert sound({"models.0.replicas": 4}).models[0].replicas == 4


def test_engines_and_quotas_beyond_the_pool_are_refused_with_the_sum() -> None:
    fault = only_fault({"models.0.replicas": 5})

    assert fault.path == "bulkhead:pools[1].nodes.max"
    assert "9 devices = 5 (llama: 5 engines x 1) + 4 (quota of research)" in fault.wrong
    assert "8 (4 nodes x 2 GPUs)" in fault.wrong
    assert "admitted and then wait" in fault.follows
    assert fault.write.startswith("max: 5 or more")


def test_devices_for_a_successor_count_as_an_engine_s() -> None:
    sound({"models.0.replicas": 3, "models.0.surge": True})
    fault = only_fault({"models.0.replicas": 4, "models.0.surge": True})

    assert fault.path == "bulkhead:pools[1].nodes.max"
    assert "5 (llama: 5 engines x 1, a successor among them)" in fault.wrong
    assert fault.write.endswith(", or surge: false for `llama`")


def test_on_a_pool_that_one_engine_fills_a_successor_is_refused_by_itself() -> None:
    full = {"pools.1.gpus_per_node": 4, "pools.1.nodes.max": 1, "models.0.gpus": 3, "tenants.0.gpu_quota": 0}
    sound({**full, "models.0.replicas": 1})
    fault = only_fault({**full, "models.0.replicas": 1, "models.0.surge": True})

    assert fault.path == "bulkhead:pools[1].nodes.max"
    assert fault.write.endswith(", or surge: false for `llama`")


def test_quotas_of_several_tenants_add_up() -> None:
    assert "quota of search" in only_fault({"tenants.1.gpu_quota": {"l4": 3}}).wrong


def test_engines_alone_beyond_the_pool_are_reported_without_the_quotas() -> None:
    fault = only_fault({"models.0.replicas": 9})

    assert fault.path == "bulkhead:pools[1].nodes.max"
    assert "quota" not in fault.wrong
    assert "take 9 devices (llama: 9 engines x 1), and it has at most 8 (4 nodes x 2 GPUs)" in fault.wrong


def test_a_quota_beyond_the_pool_is_reported_at_the_quota_and_not_in_the_sum_again() -> None:
    fault = only_fault({"tenants.0.gpu_quota": {"l4": 9}})

    assert fault.path == "bulkhead:tenants[0].gpu_quota.l4"


def test_a_quota_of_exactly_what_the_pool_has_is_accepted() -> None:
    sound({"models.0.pool": "cpu", "tenants.0.gpu_quota": {"l4": 8}})


def test_an_engine_larger_than_a_node_is_reported_once() -> None:
    fault = only_fault({"models.0.gpus": 4})

    assert fault.path == "bulkhead:models[0].gpus"
    assert "a node of `l4` has 2" in fault.wrong


def test_engines_that_leave_no_room_for_another_on_each_node_are_refused() -> None:
    changes = {"pools.1.gpus_per_node": 4, "models.0.gpus": 3, "models.0.replicas": 5, "tenants.0.gpu_quota": 0}

    assert only_fault(changes).path == "bulkhead:models[0].replicas"


@pytest.mark.parametrize(
    ("model", "nodes", "write"),
    [
        ({"replicas": 4}, 4, "replicas: 3 or less"),
        ({"replicas": 1, "cache_isolation": "engine_per_tenant"}, 3, "surge: false"),
    ],
    ids=["several", "one for each tenant"],
)
def test_where_a_successor_has_no_room_beside_the_engines_what_would_fit_is_named(
    model: Document, nodes: int, write: str
) -> None:
    pool = {"pools.1.gpus_per_node": 8, "pools.1.nodes.max": nodes, "tenants.0.gpu_quota": 0}
    engines = {f"models.0.{key}": value for key, value in {**model, "gpus": 5}.items()}
    sound({**pool, **engines})
    fault = only_fault({**pool, **engines, "models.0.surge": True})

    assert fault.path == "bulkhead:models[0].replicas"
    assert fault.write.startswith(write)


def test_large_engines_of_different_models_need_a_node_each() -> None:
    other = {**document()["bulkhead:models"][0], "name": "other", "gpus": 3, "replicas": 3}
    changes = {
        "pools.1.gpus_per_node": 4,
        "models.0.gpus": 3,
        "models.1": other,
        "tenants.0.gpu_quota": 0,
    }

    fault = only_fault(changes)

    assert (fault.path, fault.write) == ("bulkhead:pools[1].nodes.max", "max: 5 or more, or fewer replicas")

    sound({**changes, "models.1": {**other, "replicas": 2}})


def test_time_slicing_counts_its_clients_as_devices() -> None:
    sound({"pools.1.partition": {"kind": "time_slicing", "clients": 4}, "models.0.replicas": 28})


def test_a_plain_number_falls_on_the_one_gpu_pool() -> None:
    configuration = sound({"tenants.0.gpu_quota": 4})

    assert configuration.gpu_quota(configuration.tenants[0]) == {"l4": 4}


def test_a_plain_number_beyond_the_one_gpu_pool_is_refused() -> None:
    assert only_fault({"tenants.0.gpu_quota": 9}).path == "bulkhead:tenants[0].gpu_quota"


def test_a_plain_number_is_refused_where_there_are_several_gpu_pools() -> None:
    fault = only_fault({"pools.2": T4, "tenants.0.gpu_quota": 4})

    assert fault.path == "bulkhead:tenants[0].gpu_quota"
    assert fault.write == "a map, as gpu_quota: {l4: 4}"


def test_a_plain_number_is_refused_where_there_is_no_gpu_pool() -> None:
    fault = only_fault({"pools.1": ..., "models.0.pool": "cpu", "tenants.0.gpu_quota": 4})

    assert fault.path == "bulkhead:tenants[0].gpu_quota"


def test_a_quota_of_zero_needs_no_gpu_pool() -> None:
    sound({"pools.1": ..., "models.0.pool": "cpu", "tenants.0.gpu_quota": 0})


def test_a_quota_on_a_cpu_pool_is_refused() -> None:
    assert only_fault({"tenants.0.gpu_quota": {"cpu": 1}}).path == "bulkhead:tenants[0].gpu_quota.cpu"


@pytest.mark.parametrize("quota", [{"t4": 1}, {"t4": 2}])
def test_a_quota_on_another_tenants_pool_is_refused(quota: dict[str, int]) -> None:
    fault = only_fault({"pools.2": {**T4, "dedicated_to": "search"}, "tenants.0.gpu_quota": quota})

    assert fault.path == "bulkhead:tenants[0].gpu_quota.t4"
    assert "dedicated to `search`" in fault.wrong


def test_more_nodes_at_least_than_at_most_is_refused() -> None:
    assert only_fault({"pools.1.nodes.min": 5}).path == "bulkhead:pools[1].nodes.min"


def test_sums_wait_until_the_range_of_nodes_makes_sense() -> None:
    fault = only_fault({"pools.1.nodes": {"min": 5, "max": 1}, "tenants.0.gpu_quota": {"l4": 2}})

    assert fault.path == "bulkhead:pools[1].nodes.min"


def test_sums_wait_until_everything_that_takes_devices_can_be_read() -> None:
    paths = [fault.path for fault in faults_of(document({"models.0.replicas": 99, "tenants.1.budget.usd": -1}))]

    assert paths == ["bulkhead:tenants[1].budget.usd"]


OWN: Document = {"name": "own", "accelerator": "nvidia-h100-80gb", "nodes": {"max": 1}, "dedicated_to": "search"}
SENSITIVE = {"trust.tier": "adversarial", "tenants.1.sensitive": True, "pools.2": OWN}


def test_a_sensitive_tenant_s_own_engines_take_devices_of_its_own_pool_and_none_of_the_model_s() -> None:
    sound({**SENSITIVE, "models.0.replicas": 1, "tenants.0.gpu_quota": {"l4": 7}})
    fault = only_fault({**SENSITIVE, "models.0.replicas": 2, "tenants.0.gpu_quota": {"l4": 6}})

    assert fault.path == "bulkhead:pools[2].nodes.max"
    assert "the engines on `own` take 2 devices (llama: 2 engines x 1), and it has at most 1" in fault.wrong
    assert fault.write.startswith("max: 2 or more")


def test_engines_that_leave_no_room_on_its_own_nodes_are_refused_there() -> None:
    own = {**OWN, "gpus_per_node": 4, "nodes": {"max": 2}}
    nodes = {"pools.1.gpus_per_node": 4, "pools.1.nodes.max": 4, "tenants.0.gpu_quota": 0}
    fault = only_fault({**SENSITIVE, **nodes, "pools.2": own, "models.0.gpus": 2, "models.0.replicas": 5})

    assert fault.path == "bulkhead:pools[2].nodes.max"
    assert "take 10 devices" in fault.wrong


def test_where_the_pool_of_its_own_cannot_be_read_no_sum_is_made_up() -> None:
    """The engines may be meant for it: whether the model's pool has room for them is not known."""
    broken = {**OWN, "nodes": {"max": "one"}}
    faults = faults_of(document({**SENSITIVE, "pools.2": broken, "models.0.replicas": 3}))

    assert [fault.path for fault in faults] == ["bulkhead:pools[2].nodes.max"]
