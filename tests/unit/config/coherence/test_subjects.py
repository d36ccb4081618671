"""Who acts for a tenant: one tenant each, and nobody of Kubernetes' or the platform's own."""

import pytest

from tests.unit.config.documents import document, faults_of, only_fault, sound

GROUP = {"kind": "group", "name": "research@example.com"}


def test_groups_users_and_service_accounts_are_accepted() -> None:
    subjects = [
        GROUP,
        {"kind": "user", "name": "oidc:alice"},
        {"kind": "service_account", "name": "pipeline", "namespace": "research-ci"},
    ]

    assert len(sound({"tenants.0.subjects": subjects}).tenants[0].subjects) == 3


def test_a_subject_of_two_tenants_is_refused() -> None:
    fault = only_fault({"tenants.0.subjects": [GROUP], "tenants.1.subjects": [GROUP]})

    assert fault.path == "bulkhead:tenants[1].subjects[0]"
    assert "acts for `research` as well" in fault.wrong


def test_a_user_and_a_group_of_one_name_are_two_subjects() -> None:
    assert sound({"tenants.0.subjects": [GROUP], "tenants.1.subjects": [{**GROUP, "kind": "user"}]})


@pytest.mark.parametrize("name", ["system:authenticated", "system:masters", "system:serviceaccount:ci:pipeline"])
def test_kubernetes_own_names_are_refused(name: str) -> None:
    fault = only_fault({"tenants.0.subjects": [{"kind": "group", "name": name}]})

    assert fault.path == "bulkhead:tenants[0].subjects[0].name"


@pytest.mark.parametrize(
    "namespace",
    ["bulkhead-gateway", "bulkhead-workloads", "bulkhead-tenant-search", "default", "kube-system", "kueue-system"],
)
def test_service_accounts_of_namespaces_where_others_run_pods_are_refused(namespace: str) -> None:
    subject = {"kind": "service_account", "name": "pipeline", "namespace": namespace}

    fault = only_fault({"tenants.0.subjects": [subject]})

    assert fault.path == "bulkhead:tenants[0].subjects[0].namespace"
    assert "bulkhead-tenant-research" in fault.write


def test_a_service_account_of_the_tenants_own_namespace_is_accepted() -> None:
    subject = {"kind": "service_account", "name": "pipeline", "namespace": "bulkhead-tenant-research"}

    assert sound({"tenants.0.subjects": [subject]})


def test_a_service_account_needs_its_namespace() -> None:
    paths = {
        fault.path for fault in faults_of(document({"tenants.0.subjects": [{"kind": "service_account", "name": "a"}]}))
    }

    assert any(path.startswith("bulkhead:tenants[0].subjects[0]") for path in paths)
