"""Names: once each, not reserved, and apart after their suffix."""

import pytest

from tests.unit.config.documents import Document, only_fault, sound

GKE: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}


@pytest.mark.parametrize("key", ["pools", "models", "tenants"])
def test_two_things_of_one_name_are_refused_at_the_second(key: str) -> None:
    name = {"pools": "spare", "models": "spare", "tenants": "search"}[key]
    extra: dict[str, Document] = {
        "pools": {"name": name, "accelerator": "nvidia-tesla-t4", "nodes": {"max": 1}},
        "models": {
            "name": name,
            "source": "example/spare",
            "pool": "cpu",
            "price": {"input_usd_per_million_tokens": 1, "output_usd_per_million_tokens": 1},
        },
        "tenants": {"name": name, "models": ["llama"], "budget": {"usd": 1}},
    }
    changes = {f"{key}.2": extra[key]}
    if key == "models":
        changes = {"models.1": extra[key], "models.2": extra[key]}
    if key == "pools":
        changes = {"pools.2": extra[key], "pools.3": extra[key]}

    fault = only_fault(changes)

    assert fault.path == {"pools": "bulkhead:pools[3].name", "models": "bulkhead:models[2].name"}.get(
        key, "bulkhead:tenants[2].name"
    )
    assert "also the name of" in fault.wrong


@pytest.mark.parametrize("name", ["default", "kube-system", "bulkhead-gateway", "kueue-system", "serving", "bulkhead"])
def test_names_that_kubernetes_or_the_platform_keeps_are_refused(name: str) -> None:
    fault = only_fault({"tenants.1.name": name})

    assert fault.path == "bulkhead:tenants[1].name"
    assert "reserved" in fault.wrong


def test_names_that_only_resemble_reserved_ones_are_accepted() -> None:
    assert sound({"tenants.1.name": "kubernetes-team"}).tenants[1].name == "kubernetes-team"


def test_a_model_is_not_called_vllm_since_its_service_would_set_vllm_port() -> None:
    fault = only_fault({"models.0.name": "vllm", "tenants.0.models": ["vllm"], "tenants.1.models": ["vllm"]})

    assert fault.path == "bulkhead:models[0].name"


@pytest.mark.parametrize("name", ["all-proxy-models", "all-team-models", "no-default-models"])
def test_a_model_is_not_called_what_litellm_takes_for_all_models_or_for_none(name: str) -> None:
    fault = only_fault({"models.0.name": name, "tenants.0.models": [name], "tenants.1.models": [name]})

    assert fault.path == "bulkhead:models[0].name"
    assert "LiteLLM" in fault.wrong


def test_pools_whose_names_meet_after_the_partition_is_appended_are_refused() -> None:
    fault = only_fault({"pools.0.name": "l4-whole-x2"})

    assert fault.path == "bulkhead:pools[1].name"
    assert "`l4-whole-x2`" in fault.wrong


def test_a_gke_node_pool_name_longer_than_40_characters_is_refused_with_the_room_there_is() -> None:
    name = "a" * 36
    changes = {
        "cluster": GKE,
        "pools.1.name": name,
        "models.0.pool": name,
        "tenants.0.gpu_quota": {name: 4},
    }

    fault = only_fault(changes)

    assert fault.path == "bulkhead:pools[1].name"
    assert fault.write == "a name of at most 31 characters"


@pytest.mark.parametrize("name", ["Research", "1team", "team_a", "team.a", "-team", "team-", "a" * 41, "", "team a"])
def test_names_that_are_not_dns_labels_are_refused(name: str) -> None:
    assert only_fault({"tenants.1.name": name}).path == "bulkhead:tenants[1].name"


def test_a_letter_that_only_looks_right_is_named() -> None:
    fault = only_fault({"tenants.1.name": "se\u0430rch"})

    assert "character 3 is U+0430 CYRILLIC SMALL LETTER A, which looks like `a`" in fault.wrong
