"""Cases of the rules over ways from outside."""

from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import ENGINES, GATEWAY, GATEWAY_PATH, thing


def service(**spec: Any) -> GuardedResource:
    return thing("core/v1:Service", "one", "web", spec=spec)


def route(kind: str, place: str, **backend: Any) -> GuardedResource:
    return thing(kind, "one", place, spec={"rules": [{"backendRefs": [backend]}]})


HTTP_ROUTE = "gateway.networking.k8s.io/v1:HTTPRoute"
CASES = {
    "no-open-service": Cases(
        passing=(service(type="ClusterIP"), service(type="ExternalName", externalName="example.com")),
        refused=(
            service(type="LoadBalancer"),
            service(type="NodePort"),
            service(type="ClusterIP", externalIPs=["203.0.113.7"]),
            thing("v1:Service", "custom", "web", spec={"type": "NodePort"}),
            thing("core/v1:ServicePatch", "one", "web", spec={"type": "NodePort"}),
        ),
        silent=(thing("core/v1:Service", "one", "web"), service()),
    ),
    "no-route-past-the-edge": Cases(
        passing=(
            route(HTTP_ROUTE, "web", name="shop", namespace="web", port=80),
            thing(HTTP_ROUTE, "gateway", GATEWAY, by=GATEWAY_PATH, spec={"parentRefs": [{"namespace": GATEWAY}]}),
            service(type="ExternalName", externalName="example.com"),
            thing("networking.k8s.io/v1:Ingress", "one", "web", spec={"rules": [{"host": "shop.example.com"}]}),
        ),
        refused=(
            route(HTTP_ROUTE, "web", name="gateway", namespace=GATEWAY, port=4000),
            route("gateway.networking.k8s.io/v1alpha2:TCPRoute", "web", name="engine-llama-8b", namespace=ENGINES),
            thing(HTTP_ROUTE, "one", "web", spec={"parentRefs": [{"name": "gateway", "namespace": GATEWAY}]}),
            service(type="ExternalName", externalName=f"engine-llama-8b.{ENGINES}.svc.cluster.local"),
            thing(
                "networking.istio.io/v1:VirtualService",
                "one",
                "web",
                spec={"http": [{"route": [{"destination": {"host": f"gateway.{GATEWAY}.svc.cluster.local"}}]}]},
            ),
        ),
        silent=(thing(HTTP_ROUTE, "one", "web"), route(HTTP_ROUTE, "web", name="gateway", port=4000)),
    ),
}
