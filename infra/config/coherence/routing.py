"""Routing: what an endpoint picker needs of its cluster."""

from collections.abc import Iterator

from infra.config.cluster import GkeCluster
from infra.config.draft import Draft, at
from infra.config.models import EndpointPickerRouting, Model
from infra.config.problem import Problem
from infra.config.tenants import TENANT_NAMESPACE_PREFIX

GKE_CLASSES = "gke-"
"""What the names of Google's GatewayClasses begin with; their load balancers are no pods of the cluster."""


def check_routing(draft: Draft) -> Iterator[Problem]:
    """Pickers on a cluster that cannot carry them, or behind a data plane that nobody here can close."""
    for index, model in draft.models.read.items():
        if isinstance(model.routing, EndpointPickerRouting):
            yield from _cluster(draft, index)
            yield from _data_plane(index, model, model.routing)


def _cluster(draft: Draft, index: int) -> Iterator[Problem]:
    if isinstance(draft.cluster, GkeCluster):
        yield Problem(
            at("models", index, "routing", "kind"),
            "an endpoint picker needs Istio and the definitions of the inference extension, and a cluster that this"
            " stack creates has neither",
            "its objects would be refused, and no request would reach the engines",
            "{kind: service}, or a cluster of kind existing on which Istio runs already",
        )


def _data_plane(index: int, model: Model, routing: EndpointPickerRouting) -> Iterator[Problem]:
    where = at("models", index, "routing")
    if routing.class_name.startswith(GKE_CLASSES):
        yield Problem(
            (*where, "class_name"),
            f"`{routing.class_name}` is a load balancer outside the cluster, which no NetworkPolicy can select",
            f"whoever reaches it would reach the engines of {model.name} past the gateway",
            "a class of Istio's, as `kubectl get gatewayclasses` lists them",
        )
    if routing.controller_namespace.startswith(TENANT_NAMESPACE_PREFIX):
        yield Problem(
            (*where, "controller_namespace"),
            f"`{routing.controller_namespace}` is a tenant's namespace",
            "the data plane would take its routes from the tenant's pods",
            "the namespace of Istio's controller, istio-system unless it was installed elsewhere",
        )
