"""Lists in which one thing stands twice."""

from typing import Any

import pytest

from tests.unit.config.documents import Document, only_fault, sound

URL = {"secure": "ciphertext"}
GKE: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
EXTERNAL = {"kind": "external"}
PROVIDER = {"name": "example-ai", "networks": ["203.0.113.0/24"]}


@pytest.mark.parametrize(
    ("before", "key", "one", "other"),
    [
        ({}, "trust.admission.exempt_namespaces", "dcgm", "gpu-operator"),
        ({}, "trust.admission.controllers", "system:serviceaccount:ray:a", "system:serviceaccount:ray:b"),
        ({}, "trust.admission.priority_classes", "batch", "urgent"),
        ({}, "trust.admission.runtime_classes", "gvisor", "kata"),
        ({"cluster": GKE}, "cluster.node_zones", "europe-west4-a", "europe-west4-b"),
        ({}, "tenants.0.routes", "chat", "models"),
        ({}, "tenants.0.subjects", {"kind": "group", "name": "a"}, {"kind": "user", "name": "a"}),
        ({}, "gateway.admin.allowed_from", "tools", "monitoring"),
        ({"observability.kind": "prometheus"}, "observability.read_from", "tools", "monitoring"),
        ({"observability.kind": "prometheus"}, "observability.alertmanagers", "a:9093", "b:9093"),
        (
            {"gateway.external_providers": [PROVIDER]},
            "gateway.external_providers.0.networks",
            "10.0.0.0/24",
            "10.0.1.0/24",
        ),
        ({}, "gateway.external_providers", PROVIDER, {**PROVIDER, "name": "other-ai"}),
        (
            {"gateway.database": EXTERNAL, "database_url": URL},
            "gateway.database.networks",
            "10.0.0.0/24",
            "10.0.1.0/24",
        ),
        ({"gateway.cache": EXTERNAL, "cache_url": URL}, "gateway.cache.networks", "10.0.0.0/24", "10.0.1.0/24"),
    ],
)
def test_what_stands_twice_is_refused_where_it_stands_again(
    before: dict[str, Any], key: str, one: object, other: object
) -> None:
    fault = only_fault({**before, key: [one, other, one]})

    assert fault.path.startswith("bulkhead:")
    assert fault.path.endswith("[2]")
    assert "as number 1" in fault.wrong
    assert sound({**before, key: [one, other]})


def test_one_network_under_two_names_is_refused() -> None:
    networks = [{"name": "office", "cidr": "203.0.113.0/24"}, {"name": "bureau", "cidr": "203.0.113.0/24"}]

    fault = only_fault({"cluster": {**GKE, "authorized_networks": networks}})

    assert fault.path == "bulkhead:cluster.authorized_networks[1]"
