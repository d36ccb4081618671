"""References by name, and pools that belong to one tenant."""

from tests.unit.config.documents import document, faults_of, only_fault, sound


def test_an_unknown_model_is_named_with_the_one_that_was_probably_meant() -> None:
    fault = only_fault({"tenants.0.models": ["lama"]})

    assert (fault.path, fault.wrong) == ("bulkhead:tenants[0].models[0]", "there is no model `lama`")
    assert fault.write.startswith("`llama`, if that is meant")


def test_an_unknown_pool_of_a_model_is_reported_once_without_its_consequences() -> None:
    fault = only_fault({"models.0.pool": "l40", "models.0.gpus": 9})

    assert (fault.path, fault.wrong) == ("bulkhead:models[0].pool", "there is no pool `l40`")


def test_an_unknown_pool_in_a_quota_is_refused() -> None:
    assert only_fault({"tenants.0.gpu_quota": {"h100": 4}}).path == "bulkhead:tenants[0].gpu_quota.h100"


def test_an_unknown_tenant_of_a_dedicated_pool_is_reported_once_without_its_consequences() -> None:
    fault = only_fault({"pools.1.dedicated_to": "reserch"})

    assert fault.path == "bulkhead:pools[1].dedicated_to"
    assert fault.write.startswith("`research`, if that is meant")


def test_a_model_listed_twice_is_refused() -> None:
    assert only_fault({"tenants.0.models": ["llama", "llama"]}).path == "bulkhead:tenants[0].models[1]"


def test_an_unknown_model_listed_twice_is_only_unknown() -> None:
    wrongs = {fault.wrong for fault in faults_of(document({"tenants.0.models": ["lama", "lama"]}))}

    assert wrongs == {"there is no model `lama`"}


def test_a_model_on_a_dedicated_pool_is_refused_when_another_tenant_may_call_it() -> None:
    fault = only_fault({"pools.1.dedicated_to": "research"})

    assert fault.path == "bulkhead:models[0].pool"
    assert "`search` may call the model" in fault.wrong


def test_a_model_on_a_dedicated_pool_is_accepted_for_its_own_tenant() -> None:
    assert sound({"pools.1.dedicated_to": "research", "tenants.1": ...}).pools[1].dedicated_to == "research"


def test_an_unknown_reference_shows_in_an_element_that_has_other_faults_too() -> None:
    paths = [fault.path for fault in faults_of(document({"models.0.pool": "l40", "models.0.replicas": "2"}))]

    assert paths == ["bulkhead:models[0].pool", "bulkhead:models[0].replicas"]


def test_a_name_with_faults_elsewhere_in_its_element_still_counts_as_known() -> None:
    assert only_fault({"models.0.replicas": 0}).path == "bulkhead:models[0].replicas"
