"""SR3: a budget or limit that cannot be checked stops the request.

By default LiteLLM lets requests through, unmetered, when it cannot reach its database, and counts limits in each
replica for itself without Redis (LiteLLM's proxy documentation: `allow_requests_on_db_unavailable`,
`fail_closed_budget_enforcement`, `fail_closed_rate_limit_enforcement`).
"""

from dataclasses import replace

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.SR3,
    title="budgets and limits fail closed",
    enforced_from=Tier.GOVERNED,
    assumption="one tenant pays for everything, so an unmetered hour costs nobody else",
    mechanism=(
        "LiteLLM refuses requests whose budget or rate limit cannot be checked, every model has a price, and replicas "
        "count together."
    ),
    verification=(
        "With the database or the cache down a request is refused; with both up the same request is answered."
    ),
    at_risk="requests run unmetered while the database or the cache is down, at another tenant's cost",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with a gateway that fails closed.

    Raises:
        ValueError: requests are to be served through a database outage, a model has no price, so that no budget would
            bind on it, or replicas have no cache in which to count together. The loader refuses such stack files.
    """
    gateway = blueprint.gateway
    if gateway.serves_without_database:
        raise ValueError("SR3: the gateway is to serve unchecked requests while its database is down")
    if unpriced := [model.name for model in gateway.models if model.input_usd_per_token is None]:
        raise ValueError(f"SR3: no price for {', '.join(unpriced)}")
    if gateway.replicas > 1 and gateway.cache is None:
        raise ValueError("SR3: replicas without a cache count limits each for itself")
    return replace(blueprint, gateway=replace(gateway, fails_closed=True))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The gateway's settings that make it fail closed."""
    settings = (
        "allow_requests_on_db_unavailable",
        "fail_closed_budget_enforcement",
        "fail_closed_rate_limit_enforcement",
    )
    return tuple(f"GatewaySetting/{name}" for name in settings) if blueprint.gateway.fails_closed else ()
