"""The gateway: limits that hold for all its replicas together."""

from collections.abc import Iterator

from infra.config.cluster import Cluster, ExistingCluster, GkeCluster
from infra.config.draft import Draft, at
from infra.config.gateway import (
    CONNECTIONS_PER_REPLICA,
    GKE_CLASSES,
    IN_CLUSTER_CONNECTIONS,
    RESERVED_CONNECTIONS,
    CreatedGateway,
    Gateway,
    InClusterDatabase,
    ManagedCertificate,
    NoCache,
    RouteExposure,
)
from infra.config.problem import Problem


def check_gateway(draft: Draft) -> Iterator[Problem]:
    """Replicas without a cache (LiteLLM counts limits in each one's memory without Redis) or without connections."""
    gateway = draft.gateway
    if gateway is None:
        return
    # While a rollout runs, as many new replicas as old ones may hold their pools.
    needed = 2 * gateway.replicas * CONNECTIONS_PER_REPLICA
    offered = IN_CLUSTER_CONNECTIONS - RESERVED_CONNECTIONS
    if isinstance(gateway.database, InClusterDatabase) and needed > offered:
        yield Problem(
            at("gateway", "replicas"),
            f"during a rollout the gateway may hold {needed} = 2 x {gateway.replicas} replicas x"
            f" {CONNECTIONS_PER_REPLICA} database connections, and the database in the cluster has {offered} ="
            f" {IN_CLUSTER_CONNECTIONS} - {RESERVED_CONNECTIONS} (kept for administrators)",
            "new replicas would be refused by the database, and the rollout would stop half-way",
            f"replicas: {offered // (2 * CONNECTIONS_PER_REPLICA)} or fewer, or another kind of database",
        )
    if gateway.replicas > 1 and isinstance(gateway.cache, NoCache):
        yield Problem(
            at("gateway", "replicas"),
            f"{gateway.replicas} replicas have no cache to share",
            f"each would count limits for itself, so that a tenant could use {gateway.replicas} times its rate limit",
            "cache: {kind: in_cluster}, or replicas: 1",
        )
    if draft.cluster is not None:
        yield from _exposure(gateway, draft.cluster)


def _exposure(gateway: Gateway, cluster: Cluster) -> Iterator[Problem]:
    """A Gateway that the cluster cannot make, or a certificate that nobody issues there."""
    exposure = gateway.exposure
    if not isinstance(exposure, RouteExposure) or not isinstance(exposure.gateway, CreatedGateway):
        return
    created = exposure.gateway
    if isinstance(cluster, ExistingCluster) and isinstance(created.tls, ManagedCertificate):
        yield Problem(
            at("gateway", "exposure", "gateway", "tls", "kind"),
            "`managed` is issued by Google next to a GKE cluster of this stack, and this cluster exists already",
            "there is no project to create the certificate in, so that the listener would have none",
            "{kind: secret, name: ...}, with the certificate in that Secret",
        )
    if isinstance(cluster, ExistingCluster) and created.class_name is None:
        yield Problem(
            at("gateway", "exposure", "gateway"),
            "no `class_name` says which controller makes the Gateway, and this cluster exists already",
            "nothing would ever listen",
            "class_name, as `kubectl get gatewayclasses` lists them, or {kind: existing, ...}",
        )
    if isinstance(cluster, GkeCluster) and not (created.class_name or GKE_CLASSES).startswith(GKE_CLASSES):
        yield Problem(
            at("gateway", "exposure", "gateway", "class_name"),
            f"a new GKE cluster has no such class; its own begin with `{GKE_CLASSES}`",
            "nothing would ever listen",
            "gke-l7-rilb (internal), gke-l7-regional-external-managed or gke-l7-global-external-managed",
        )
