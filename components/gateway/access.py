"""Who may reach which of the gateway's ports. Pure."""

from typing import TYPE_CHECKING

from components.shared import selector
from infra.blueprint.model import GatewayPart
from infra.blueprint.names import OBSERVABILITY_NAMESPACE

if TYPE_CHECKING:
    from pulumi_kubernetes.networking.v1 import (
        NetworkPolicyIngressRuleArgsDict,
        NetworkPolicyPeerArgsDict,
        NetworkPolicySpecArgsDict,
    )

RECONCILER_NAME = "tenants"
"""What the pods of the tenants' reconciler are called (`app.kubernetes.io/name`), in the gateway's own namespace."""
SCRAPER_NAME = "prometheus"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Set on every namespace by the API server, so that nobody can give it to another one."""


def network_policy(part: GatewayPart) -> "NetworkPolicySpecArgsDict":
    """Tenants' requests from anywhere; administration and metrics from those who need them alone.

    Peers are told by what a tenant cannot write: the namespace's own name, and labels of pods in namespaces of the
    platform. A forwarded port (`kubectl port-forward`) enters the pod beside all policies, by the API server's leave.
    """
    reconciler: NetworkPolicyPeerArgsDict = {"pod_selector": {"match_labels": selector(RECONCILER_NAME)}}
    ingress: list[NetworkPolicyIngressRuleArgsDict] = [
        {"ports": [{"protocol": "TCP", "port": part.port}]},
        {
            "from_": [reconciler, *(_namespace(name) for name in part.admin_namespaces)],
            "ports": [{"protocol": "TCP", "port": part.admin_port}],
        },
    ]
    if part.metrics_port is not None:
        scraper = _namespace(OBSERVABILITY_NAMESPACE)
        scraper["pod_selector"] = {"match_labels": selector(SCRAPER_NAME)}
        ingress.append({"from_": [scraper], "ports": [{"protocol": "TCP", "port": part.metrics_port}]})
    return {
        "pod_selector": {"match_labels": selector("gateway")},
        "policy_types": ["Ingress"],
        "ingress": ingress,
    }


def _namespace(name: str) -> "NetworkPolicyPeerArgsDict":
    return {"namespace_selector": {"match_labels": {NAMESPACE_LABEL: name}}}
