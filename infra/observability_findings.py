"""Metrics that everybody in the cluster may read, where nothing keeps a NetworkPolicy."""

from collections.abc import Iterator

from infra.config.observability import PrometheusObservability
from infra.config.stack import StackConfig
from infra.trust.posture import Finding, Severity


def observability_findings(config: StackConfig) -> Iterator[Finding]:
    """A warning: observability on a cluster whose pods all reach what Prometheus and the gateway's metrics tell.

    Neither asks for a password or a key (docs/decisions/0014): who may read them is said by NetworkPolicies alone.
    """
    if not isinstance(config.observability, PrometheusObservability) or config.cluster.enforces_network_policy:
        return
    yield Finding(
        Severity.WARNING,
        None,
        "bulkhead:observability.kind",
        "Prometheus and the gateway's metrics ask nobody for a password, and this cluster does not enforce the"
        " NetworkPolicies that keep readers out: every pod of the cluster, a tenant's too, can read what each tenant"
        " sends and spends. Write: bulkhead:cluster.enforces_network_policy: true, once the cluster runs a dataplane"
        " that enforces it (GKE's Dataplane V2, Cilium, Calico, kube-router); until then kind: none, with which what"
        " the tenants' reconciler tells of their spend remains open.",
    )
