"""Ways from outside: past the edge, keys, budgets and closed paths do not bind."""

from collections.abc import Iterator

from infra.blueprint import names
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import ResourceRule
from infra.values import mappings_below, texts_below

OPEN_SERVICE_TYPES = frozenset({"LoadBalancer", "NodePort"})
ROUTE_KINDS = frozenset(
    {
        "GRPCRoute",
        "HTTPProxy",
        "HTTPRoute",
        "Ingress",
        "IngressRoute",
        "IngressRouteTCP",
        "MultiClusterIngress",
        "MultiClusterService",
        "ServiceEntry",
        "TCPRoute",
        "TLSRoute",
        "UDPRoute",
        "VirtualService",
    }
)
"""Kinds that lead requests to a Service: Kubernetes' own, the Gateway API's, and those of common controllers."""


def _is_service(resource: GuardedResource) -> bool:
    return resource.is_kubernetes_object and resource.group == "core" and resource.kind == "Service"


def _no_open_service(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    del guard
    if not _is_service(resource):
        return
    if resource.spec.get("type") in OPEN_SERVICE_TYPES:
        yield (
            f"a Service of type {resource.spec['type']} is reached from outside the cluster, past the gateway's edge:"
            " keys, budgets and closed paths do not bind there. Write: type ClusterIP, and"
            " bulkhead:gateway.exposure for the gateway"
        )
    if resource.spec.get("externalIPs"):
        yield (
            "a Service with externalIPs takes traffic to addresses of its choice (CVE-2020-8554). Write: no externalIPs"
        )


def _no_route_past_the_edge(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """Routes inside the platform's namespaces are refused with whatever else is put there."""
    if not resource.by_hand:
        return
    named = _is_service(resource) and resource.spec.get("type") == "ExternalName"
    if not named and not (resource.is_kubernetes_object and resource.kind in ROUTE_KINDS):
        return
    closed = (guard.blueprint.gateway.namespace, names.ENGINES_NAMESPACE)
    if resource.namespace in closed:
        return
    reached = {one.get("namespace") for one in mappings_below(resource.spec)}
    said = [text for text in texts_below(resource.spec) if any(f".{namespace}" in text for namespace in closed)]
    if said or not reached.isdisjoint(closed):
        yield (
            "it leads to the gateway or to engines by a way that the platform did not make, past the paths, limits and"
            " certificates of its own. Write: no such route; bulkhead:gateway.exposure makes the one there is"
        )


RULES = (
    ResourceRule("no-open-service", (), "No Service opens a way past the gateway.", _no_open_service),
    ResourceRule(
        "no-route-past-the-edge",
        (ControlId.AC1, ControlId.SR1),
        "No route leads to the gateway or to engines but the platform's own.",
        _no_route_past_the_edge,
    ),
)
