"""Lists in which one thing stands twice: one of the two was probably meant to be another."""

from collections.abc import Iterator, Sequence

from infra.config.cluster import GkeCluster
from infra.config.coherence.networks import networks_of_gateway
from infra.config.draft import Draft, at
from infra.config.gateway import Gateway
from infra.config.observability import PrometheusObservability
from infra.config.paths import Location
from infra.config.problem import Problem

_List = tuple[Location, Sequence[object]]


def check_repeats(draft: Draft) -> Iterator[Problem]:
    """Elements that stand twice in lists whose elements are known by themselves, not by a reference."""
    for where, elements in _lists(draft):
        for index, element in enumerate(elements):
            first = elements.index(element)
            if first < index:
                yield Problem(
                    (*where, index),
                    f"this stands in the list already, as number {first + 1}",
                    "one of the two was probably meant to be another, which would be missing",
                    "each once",
                )


def _lists(draft: Draft) -> Iterator[_List]:
    if draft.trust is not None:
        admission = draft.trust.admission
        yield at("trust", "admission", "exempt_namespaces"), admission.exempt_namespaces
        yield at("trust", "admission", "controllers"), admission.controllers
        yield at("trust", "admission", "priority_classes"), admission.priority_classes
        yield at("trust", "admission", "runtime_classes"), admission.runtime_classes
    if isinstance(draft.cluster, GkeCluster):
        yield at("cluster", "node_zones"), draft.cluster.node_zones
        yield at("cluster", "authorized_networks"), [network.cidr for network in draft.cluster.authorized_networks]
    for index, tenant in draft.tenants.read.items():
        yield at("tenants", index, "routes"), tenant.routes
        yield at("tenants", index, "subjects"), tenant.subjects
    if draft.gateway is not None:
        yield from _of_gateway(draft.gateway)
    if isinstance(draft.observability, PrometheusObservability):
        yield at("observability", "alertmanagers"), draft.observability.alertmanagers
        yield at("observability", "read_from"), draft.observability.read_from


def _of_gateway(gateway: Gateway) -> Iterator[_List]:
    yield at("gateway", "admin", "allowed_from"), gateway.admin.allowed_from
    yield at("gateway", "external_providers"), [provider.name for provider in gateway.external_providers]
    yield from networks_of_gateway(gateway)
