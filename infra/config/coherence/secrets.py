"""Secrets: those that the configuration relies on are set; their values are never looked at."""

from collections.abc import Iterator

from infra.config.draft import Draft, at
from infra.config.gateway import ExternalCache, ExternalDatabase
from infra.config.problem import Problem
from infra.config.stack import PROJECT


def check_secrets(draft: Draft) -> Iterator[Problem]:
    """An external database or cache without the secret that holds its address."""
    gateway = draft.gateway
    if gateway is None:
        return
    if isinstance(gateway.database, ExternalDatabase) and "database_url" not in draft.secrets:
        yield _without_address("database", "database_url")
    if isinstance(gateway.cache, ExternalCache) and "cache_url" not in draft.secrets:
        yield _without_address("cache", "cache_url")


def _without_address(key: str, secret: str) -> Problem:
    return Problem(
        at("gateway", key, "kind"),
        f"the {key} is external, and the secret `{PROJECT}:{secret}` is not set",
        "the gateway would not know where to connect",
        f"pulumi config set --secret {PROJECT}:{secret}",
    )
