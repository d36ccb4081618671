"""The gateway at a host name, through the Gateway API. Pure: objects as Kubernetes spells them, by their suffix.

The route names the paths that tenants need, from the same list as the edge, and the tenants' port alone.
"""

from collections.abc import Mapping
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
from infra.blueprint.routes import HEALTH_PATH, MODELS_PATH, TENANT_ROUTES

GATEWAY_API = "gateway.networking.k8s.io/v1"
GOOGLE_API = "networking.gke.io/v1"
OBJECT_NAME = "gateway"
LISTENER = "https"
HTTPS_PORT = 443
CERTIFICATE_NAME = "bulkhead-gateway"
"""What the managed certificate, and for a global load balancer its map, is called in Certificate Manager."""

Manifest = dict[str, Any]


def exposure_objects(part: GatewayPart) -> dict[str, Manifest]:
    """The objects that make the gateway reachable from outside, by the suffix of their names; empty without a route."""
    route = part.route
    if route is None:
        return {}
    found: dict[str, Manifest] = {}
    if isinstance(route.listener, NewListenerPart):
        found["listener"] = _gateway(part, route, route.listener)
    found["route"] = _http_route(part, route)
    if route.google_policies:
        found["health-check-policy"] = _health_check_policy(part)
        found["backend-policy"] = _backend_policy(part)
    return found


def _path_matches() -> list[Manifest]:
    """Exact paths, and one beginning for those of models, below which the edge refuses what is no model's name.

    With one exact path for each model, the load balancer's own 404 for all others would tell which are served.
    """
    kinds = {route.path: "PathPrefix" if route.path == MODELS_PATH else "Exact" for route in TENANT_ROUTES}
    return [{"path": {"type": kind, "value": path}} for path, kind in kinds.items()]


def _metadata(part: GatewayPart, annotations: Mapping[str, str] | None = None) -> Manifest:
    metadata: Manifest = {"name": OBJECT_NAME, "namespace": part.namespace, "labels": labels(OBJECT_NAME)}
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


def _http_route(part: GatewayPart, route: RoutePart) -> Manifest:
    rule = {
        # Methods are the edge's to refuse: not every implementation matches them, and GKE's does not.
        "matches": _path_matches(),
        "backendRefs": [{"group": "", "kind": "Service", "name": OBJECT_NAME, "port": part.port, "weight": 1}],
    }
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": _metadata(part),
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
