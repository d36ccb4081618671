"""The pool of engines and the data plane before it, as Kubernetes spells them. Pure: objects by their suffix.

Routes name each path that engines guard with their key exactly; of `/invocations`, `/metrics` and the others nothing
is carried.
"""

from typing import Any

from components.endpoint_picker.names import FAIRNESS_HEADERS, OBJECTIVE_HEADERS
from components.engine.pod import engine_selector
from components.shared import labels
from infra.blueprint.model import EndpointPickerPart, EnginePart
from infra.blueprint.names import DATA_PLANE_PORT, PICKER_PORT
from infra.blueprint.routes import COMPLETION_PATHS

Manifest = dict[str, Any]

GATEWAY_API = "gateway.networking.k8s.io/v1"
INFERENCE_GROUP = "inference.networking.k8s.io"
INFERENCE_API = f"{INFERENCE_GROUP}/v1"
LISTENER = "http"
INTERNAL = {"networking.istio.io/service-type": "ClusterIP"}
"""Istio otherwise asks the cloud for a load balancer, and the engines stand on the internet."""


def picking_objects(engine: EnginePart, picker: EndpointPickerPart) -> dict[str, Manifest]:
    """The InferencePool, the Gateway and the route from one to the other, by the suffix of their names."""
    return {
        "pool": _pool(engine, picker),
        "data-plane": _gateway(engine, picker),
        "route": _route(engine),
    }


def _metadata(engine: EnginePart, name: str) -> Manifest:
    found = labels("endpoint-picker", engine.name, engine.tenant)
    return {"name": name, "namespace": engine.namespace, "labels": found}


def _pool(engine: EnginePart, picker: EndpointPickerPart) -> Manifest:
    return {
        "apiVersion": INFERENCE_API,
        "kind": "InferencePool",
        "metadata": _metadata(engine, engine.service_name),
        "spec": {
            "selector": {"matchLabels": engine_selector(engine)},
            "targetPorts": [{"number": engine.port}],
            "endpointPickerRef": {
                "group": "",
                "kind": "Service",
                "name": engine.picker_name,
                "port": {"number": PICKER_PORT},
                "failureMode": "FailClose" if picker.fails_closed else "FailOpen",
            },
        },
    }


def _gateway(engine: EnginePart, picker: EndpointPickerPart) -> Manifest:
    listener = {
        "name": LISTENER,
        "protocol": "HTTP",
        "port": DATA_PLANE_PORT,
        # Nobody else's route can attach itself to this way.
        "allowedRoutes": {"namespaces": {"from": "Same"}, "kinds": [{"kind": "HTTPRoute"}]},
    }
    return {
        "apiVersion": GATEWAY_API,
        "kind": "Gateway",
        "metadata": {**_metadata(engine, engine.data_plane_name), "annotations": dict(INTERNAL)},
        "spec": {"gatewayClassName": picker.class_name, "listeners": [listener]},
    }


def _route(engine: EnginePart) -> Manifest:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": engine.data_plane_name}
    rule = {
        "matches": [{"path": {"type": "Exact", "value": path}, "method": "POST"} for path in COMPLETION_PATHS],
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": _headers()}],
        "backendRefs": [{"group": INFERENCE_GROUP, "kind": "InferencePool", "name": engine.service_name, "weight": 1}],
    }
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": _metadata(engine, engine.data_plane_name),
        "spec": {"parentRefs": [{**parent, "sectionName": LISTENER}], "rules": [rule]},
    }


def _headers() -> Manifest:
    """What is removed of what says whose a request is and how urgent: all but whose, which the gateway has set."""
    _set_by_the_gateway, *older = FAIRNESS_HEADERS
    return {"remove": [*older, *OBJECTIVE_HEADERS]}
