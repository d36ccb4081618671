"""The gateway at a host name: what the objects of the Gateway API say."""

import dataclasses
from typing import Any

import pytest

from components.gateway.exposure import exposure_objects
from infra.blueprint.model import (
    CertificatePart,
    GatewayModelPart,
    GatewayPart,
    ListenerPart,
    ManagedCertificatePart,
    NewListenerPart,
    RoutePart,
    SecretCertificatePart,
)
from infra.blueprint.routes import ADMIN_ROUTES, tenant_routes
from tests.unit.components.parts import GATEWAY

EXISTING = RoutePart("llm.example.com", ListenerPart("ingress", "shared", "https"), google_policies=False)


def routed(route: RoutePart, part: GatewayPart = GATEWAY) -> dict[str, dict[str, Any]]:
    return exposure_objects(dataclasses.replace(part, route=route))


def created(certificate: CertificatePart, class_name: str = "gke-l7-rilb") -> dict[str, dict[str, Any]]:
    return routed(RoutePart("llm.example.com", NewListenerPart(class_name, certificate), google_policies=True))


def paths(objects: dict[str, dict[str, Any]]) -> list[str]:
    rules = [rule for one in objects.values() if one["kind"] == "HTTPRoute" for rule in one["spec"]["rules"]]
    return [match["path"]["value"] for rule in rules for match in rule["matches"]]


def test_without_a_route_nothing_is_made() -> None:
    assert exposure_objects(GATEWAY) == {}


def test_the_route_names_the_tenants_paths_exactly_and_no_other() -> None:
    objects = routed(EXISTING)
    types = {match["path"]["type"] for match in objects["route"]["spec"]["rules"][0]["matches"]}

    assert types == {"Exact"}
    assert sorted(paths(objects)) == sorted({route.path for route in tenant_routes(("llama-8b", "tiny"))})
    assert not set(paths(objects)) & {route.path for route in ADMIN_ROUTES}


def test_the_route_leads_to_the_tenants_port_alone() -> None:
    (backend,) = routed(EXISTING)["route"]["spec"]["rules"][0]["backendRefs"]

    assert (backend["name"], backend["port"]) == ("gateway", 4000)


def test_the_route_is_attached_to_the_existing_gateway_and_its_listener() -> None:
    objects = routed(EXISTING)
    (parent,) = objects["route"]["spec"]["parentRefs"]

    assert set(objects) == {"route"}
    assert (parent["namespace"], parent["name"], parent["sectionName"]) == ("ingress", "shared", "https")


@pytest.mark.parametrize("count", [1, 58, 59, 200])
def test_many_models_are_spread_over_routes_within_the_api_s_limits(count: int) -> None:
    models = tuple(
        GatewayModelPart(f"model-{index}", "http://engine:8000/v1", None, None, "engine") for index in range(count)
    )
    objects = routed(EXISTING, dataclasses.replace(GATEWAY, models=models))
    names = [one["metadata"]["name"] for one in objects.values()]

    assert len(paths(objects)) == len(set(paths(objects))) == len(tenant_routes(model.name for model in models))
    assert len(names) == len(set(names))
    for one in objects.values():
        assert all(len(rule["matches"]) <= 64 for rule in one["spec"]["rules"])


def test_a_gateway_of_its_own_takes_https_for_its_host_and_routes_of_its_namespace() -> None:
    spec = created(SecretCertificatePart("llm-tls"))["listener"]["spec"]
    (listener,) = spec["listeners"]

    assert spec["gatewayClassName"] == "gke-l7-rilb"
    assert (listener["protocol"], listener["port"], listener["hostname"]) == ("HTTPS", 443, "llm.example.com")
    assert listener["allowedRoutes"]["namespaces"] == {"from": "Same"}
    assert listener["tls"]["certificateRefs"] == [{"group": "", "kind": "Secret", "name": "llm-tls"}]


def test_a_regional_certificate_is_named_by_the_listener() -> None:
    (listener,) = created(ManagedCertificatePart("project", "europe-west4"))["listener"]["spec"]["listeners"]

    assert listener["tls"]["options"] == {"networking.gke.io/cert-manager-certs": "bulkhead-gateway"}


def test_a_global_certificate_is_found_through_its_map() -> None:
    gateway = created(ManagedCertificatePart("project", None), "gke-l7-global-external-managed")["listener"]

    assert gateway["metadata"]["annotations"] == {"networking.gke.io/certmap": "bulkhead-gateway"}
    assert "tls" not in gateway["spec"]["listeners"][0]


def test_google_s_load_balancer_checks_the_edge_and_lets_an_answer_take_its_time() -> None:
    objects = created(SecretCertificatePart("llm-tls"))
    check = objects["health-check-policy"]["spec"]["default"]["config"]["httpHealthCheck"]

    assert (check["port"], check["requestPath"]) == (4000, "/health")
    assert objects["backend-policy"]["spec"]["default"]["timeoutSec"] >= 600
