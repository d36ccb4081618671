"""The gateway at a host name, through the Gateway API. Pure: objects as Kubernetes spells them, by their suffix.

The route names each path that tenants need exactly, from the same list as the edge, and the tenants' port alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.gateway.edge import FINISH_SECONDS
from components.shared import labels
from infra.blueprint.model import (
    GatewayPart,
    ListenerPart,
    ManagedCertificatePart,
    NewListenerPart,
    RoutePart,
    SecretCertificatePart,
)
from infra.blueprint.routes import HEALTH_PATH, tenant_routes

GATEWAY_API = "gateway.networking.k8s.io/v1"
GOOGLE_API = "networking.gke.io/v1"
OBJECT_NAME = "gateway"
LISTENER = "https"
HTTPS_PORT = 443
CERTIFICATE_NAME = "bulkhead-gateway"
"""What the managed certificate, and for a global load balancer its map, is called in Certificate Manager."""
MATCHES_OF_A_RULE = 64
"""The most that the Gateway API's definition allows. With one rule for each route, its other limits are never met."""

Manifest = dict[str, Any]


def exposure_objects(part: GatewayPart) -> dict[str, Manifest]:
    """The objects that make the gateway reachable from outside, by the suffix of their names; empty without a route."""
    route = part.route
    if route is None:
        return {}
    found: dict[str, Manifest] = {}
    if isinstance(route.listener, NewListenerPart):
        found["listener"] = _gateway(part, route, route.listener)
    for number, paths in enumerate(_chunks(_paths(part)), start=1):
        suffix = "route" if number == 1 else f"route-{number}"
        found[suffix] = _http_route(part, route, OBJECT_NAME if number == 1 else f"{OBJECT_NAME}-{number}", paths)
    if route.google_policies:
        found["health-check-policy"] = _health_check_policy(part)
        found["backend-policy"] = _backend_policy(part)
    return found


def _paths(part: GatewayPart) -> list[str]:
    return sorted({route.path for route in tenant_routes(part.model_names)})


def _chunks(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), MATCHES_OF_A_RULE):
        yield paths[start : start + MATCHES_OF_A_RULE]


def _metadata(part: GatewayPart, name: str = OBJECT_NAME, annotations: Mapping[str, str] | None = None) -> Manifest:
    metadata: Manifest = {"name": name, "namespace": part.namespace, "labels": labels(OBJECT_NAME)}
    return {**metadata, "annotations": dict(annotations)} if annotations else metadata


def _gateway(part: GatewayPart, route: RoutePart, listener: NewListenerPart) -> Manifest:
    tls: Manifest = {"mode": "Terminate"}
    annotations: dict[str, str] = {}
    match listener.certificate:
        case SecretCertificatePart(name=name):
            tls["certificateRefs"] = [{"group": "", "kind": "Secret", "name": name}]
        case ManagedCertificatePart(region=None):
            # A global load balancer takes certificates by their map, and then the listener names none.
            annotations["networking.gke.io/certmap"] = CERTIFICATE_NAME
            tls = {}
        case ManagedCertificatePart():
            tls["options"] = {"networking.gke.io/cert-manager-certs": CERTIFICATE_NAME}
    https: Manifest = {
        "name": LISTENER,
        "protocol": "HTTPS",
        "port": HTTPS_PORT,
        "hostname": route.host,
        # Nobody else's route can attach itself to this host.
        "allowedRoutes": {"namespaces": {"from": "Same"}, "kinds": [{"kind": "HTTPRoute"}]},
    }
    return {
        "apiVersion": GATEWAY_API,
        "kind": "Gateway",
        "metadata": _metadata(part, annotations=annotations),
        "spec": {"gatewayClassName": listener.class_name, "listeners": [{**https, "tls": tls} if tls else https]},
    }


def _parent(part: GatewayPart, route: RoutePart) -> Manifest:
    match route.listener:
        case NewListenerPart():
            namespace, name, section = part.namespace, OBJECT_NAME, LISTENER
        case ListenerPart(namespace=namespace, name=name, section=section):
            pass
    reference = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": namespace, "name": name}
    return {**reference, "sectionName": section}


def _http_route(part: GatewayPart, route: RoutePart, name: str, paths: Sequence[str]) -> Manifest:
    rule = {
        # Methods are the edge's to refuse: not every implementation matches them, and GKE's does not.
        "matches": [{"path": {"type": "Exact", "value": path}} for path in paths],
        "backendRefs": [{"group": "", "kind": "Service", "name": OBJECT_NAME, "port": part.port, "weight": 1}],
    }
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": _metadata(part, name),
        "spec": {"parentRefs": [_parent(part, route)], "hostnames": [route.host], "rules": [rule]},
    }


def _service() -> Manifest:
    return {"group": "", "kind": "Service", "name": OBJECT_NAME}


def _health_check_policy(part: GatewayPart) -> Manifest:
    """Google's load balancer otherwise asks for `/`, which is not served, and sends nothing to anybody."""
    return {
        "apiVersion": GOOGLE_API,
        "kind": "HealthCheckPolicy",
        "metadata": _metadata(part),
        "spec": {
            "default": {
                "checkIntervalSec": 5,
                "timeoutSec": 5,
                "healthyThreshold": 1,
                "unhealthyThreshold": 2,
                "config": {"type": "HTTP", "httpHealthCheck": {"port": part.port, "requestPath": HEALTH_PATH}},
            },
            "targetRef": _service(),
        },
    }


def _backend_policy(part: GatewayPart) -> Manifest:
    """Google's load balancer otherwise ends every answer, streamed ones too, after 30 seconds."""
    return {
        "apiVersion": GOOGLE_API,
        "kind": "GCPBackendPolicy",
        "metadata": _metadata(part),
        "spec": {
            "default": {
                "timeoutSec": FINISH_SECONDS,
                "connectionDraining": {"drainingTimeoutSec": FINISH_SECONDS},
            },
            "targetRef": _service(),
        },
    }
