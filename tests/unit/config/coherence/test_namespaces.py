"""Namespaces that are let in, exempt or trusted: operators' and the cluster's own, where a policy keeps the list."""

from typing import Any

import pytest

from tests.unit.config.documents import only_fault, sound

TENANTS_AND_PLATFORM = ["bulkhead-workloads", "bulkhead-tenant-research", "bulkhead-engines", "research-ci"]
LISTS = ["gateway.admin.allowed_from", "observability.read_from"]


def account(namespace: str) -> dict[str, Any]:
    return {"tenants.0.subjects": [{"kind": "service_account", "name": "pipeline", "namespace": namespace}]}


def with_list(key: str, namespaces: list[str]) -> dict[str, Any]:
    kind: dict[str, Any] = {"observability.kind": "prometheus"} if key.startswith("observability") else {}
    return {**kind, key: namespaces}


@pytest.mark.parametrize("key", LISTS)
@pytest.mark.parametrize("namespace", TENANTS_AND_PLATFORM)
def test_no_namespace_of_a_tenant_or_of_the_platform_is_let_in(key: str, namespace: str) -> None:
    fault = only_fault({**account("research-ci"), **with_list(key, ["monitoring", namespace])})

    assert fault.path == f"bulkhead:{key}[1]"
    assert "is a tenant's or the platform's" in fault.wrong


@pytest.mark.parametrize("key", LISTS)
def test_a_namespace_of_the_operators_tools_is_let_in(key: str) -> None:
    assert sound({**account("research-ci"), **with_list(key, ["monitoring"])})


@pytest.mark.parametrize("key", LISTS)
def test_a_list_that_no_network_policy_keeps_is_refused(key: str) -> None:
    unenforced = {"cluster.enforces_network_policy": False}

    fault = only_fault({**unenforced, **with_list(key, ["monitoring"])})

    assert fault.path == f"bulkhead:{key}"
    assert fault.write.startswith("cluster.enforces_network_policy: true")
    assert sound({**unenforced, **with_list(key, [])})


@pytest.mark.parametrize("namespace", TENANTS_AND_PLATFORM)
def test_no_account_of_a_tenant_or_of_the_platform_is_a_controller(namespace: str) -> None:
    named = [f"system:serviceaccount:{namespace}:kuberay-operator"]

    fault = only_fault({**account("research-ci"), "trust.admission.controllers": named})

    assert fault.path == "bulkhead:trust.admission.controllers[0]"
    assert sound({"trust.admission.controllers": ["system:serviceaccount:kuberay-system:kuberay-operator"]})


@pytest.mark.parametrize("namespace", ["bulkhead-workloads", "bulkhead-tenant-research"])
def test_no_namespace_of_a_tenant_or_of_the_platform_is_exempt(namespace: str) -> None:
    fault = only_fault({"trust.admission.exempt_namespaces": [namespace]})

    assert fault.path == "bulkhead:trust.admission.exempt_namespaces[0]"
    assert sound({"trust.admission.exempt_namespaces": ["dcgm"]})


def test_an_exempt_namespace_with_a_tenant_s_account_says_where_the_account_stands() -> None:
    fault = only_fault({"trust.admission.exempt_namespaces": ["dcgm", "research-ci"], **account("research-ci")})

    assert fault.path == "bulkhead:trust.admission.exempt_namespaces[1]"
    assert "bulkhead:tenants[0].subjects[0].namespace" in fault.write


@pytest.mark.parametrize("namespace", ["gpu-operator", "gke-managed-system"])
def test_an_account_where_no_policy_looks_is_refused_where_it_stands(namespace: str) -> None:
    fault = only_fault(account(namespace))

    assert fault.path == "bulkhead:tenants[0].subjects[0].namespace"
    assert fault.write.startswith("a namespace that the tenant alone uses")


def test_an_account_in_gpu_operator_is_accepted_once_the_list_leaves_it_out() -> None:
    assert sound({**account("gpu-operator"), "trust.admission.exempt_namespaces": ["dcgm"]})
