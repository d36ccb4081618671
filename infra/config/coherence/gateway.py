"""The gateway: limits that hold for all its replicas together."""

from collections.abc import Iterator

from infra.config.draft import Draft, at
from infra.config.gateway import (
    CONNECTIONS_PER_REPLICA,
    IN_CLUSTER_CONNECTIONS,
    RESERVED_CONNECTIONS,
    InClusterDatabase,
    NoCache,
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
