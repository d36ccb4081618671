"""The gateway: limits that hold for all its replicas together."""

from collections.abc import Iterator

from infra.config.draft import Draft, at
from infra.config.gateway import NoCache
from infra.config.problem import Problem


def check_gateway(draft: Draft) -> Iterator[Problem]:
    """More than one replica without a cache (LiteLLM counts limits in each replica's memory without Redis)."""
    gateway = draft.gateway
    if gateway is not None and gateway.replicas > 1 and isinstance(gateway.cache, NoCache):
        yield Problem(
            at("gateway", "replicas"),
            f"{gateway.replicas} replicas have no cache to share",
            f"each would count limits for itself, so that a tenant could use {gateway.replicas} times its rate limit",
            "cache: {kind: in_cluster}, or replicas: 1",
        )
