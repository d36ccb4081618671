"""The gateway at a host name: what the objects of the Gateway API say."""

import dataclasses
from typing import Any

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
from infra.blueprint.routes import ADMIN_ROUTES, TENANT_ROUTES
from tests.unit.components.parts import GATEWAY

EXISTING = RoutePart("llm.example.com", ListenerPart("ingress", "shared", "https"), google_policies=False)


def routed(route: RoutePart, part: GatewayPart = GATEWAY) -> dict[str, dict[str, Any]]:
    return exposure_objects(dataclasses.replace(part, route=route))


def created(certificate: CertificatePart, class_name: str = "gke-l7-rilb") -> dict[str, dict[str, Any]]:
    return routed(RoutePart("llm.example.com", NewListenerPart(class_name, certificate), google_policies=True))


def paths(objects: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Path → how it is matched."""
    rules = [rule for one in objects.values() if one["kind"] == "HTTPRoute" for rule in one["spec"]["rules"]]
    return {match["path"]["value"]: match["path"]["type"] for rule in rules for match in rule["matches"]}


def test_without_a_route_nothing_is_made() -> None:
    assert exposure_objects(GATEWAY) == {}


def test_the_route_names_the_tenants_paths_and_no_other() -> None:
    found = paths(routed(EXISTING))

    assert set(found) == {route.path for route in TENANT_ROUTES}
    assert not set(found) & {route.path for route in ADMIN_ROUTES}


def test_the_route_names_every_path_exactly_but_that_below_which_models_have_theirs() -> None:
    found = paths(routed(EXISTING))

    assert found.pop("/v1/models") == "PathPrefix"
    assert set(found.values()) == {"Exact"}


def test_the_route_leads_to_the_tenants_port_alone() -> None:
    (backend,) = routed(EXISTING)["route"]["spec"]["rules"][0]["backendRefs"]

    assert (backend["name"], backend["port"]) == ("gateway", 4000)


def test_the_route_is_attached_to_the_existing_gateway_and_its_listener() -> None:
    objects = routed(EXISTING)
    (parent,) = objects["route"]["spec"]["parentRefs"]

    assert set(objects) == {"route"}
    assert (parent["namespace"], parent["name"], parent["sectionName"]) == ("ingress", "shared", "https")


def test_which_models_are_served_shows_in_nothing_of_the_route() -> None:
    """A load balancer's own 404 for the names that it does not know would tell which names there are."""
    models = tuple(
        GatewayModelPart(f"model-{index}", "http://engine:8000/v1", None, None, "engine") for index in range(200)
    )

    assert routed(EXISTING, dataclasses.replace(GATEWAY, models=models)) == routed(EXISTING)


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
