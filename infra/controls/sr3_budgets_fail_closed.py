"""SR3: a budget or limit that cannot be checked stops the request.

By default LiteLLM lets requests through, unmetered, when it cannot reach its database, and counts limits in each
replica for itself without Redis (LiteLLM's proxy documentation: `allow_requests_on_db_unavailable`,
`fail_closed_budget_enforcement`, `fail_closed_rate_limit_enforcement`).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.SR3,
    title="budgets and limits fail closed",
    enforced_from=Tier.GOVERNED,
    assumption="one tenant pays for everything, so an unmetered hour costs nobody else",
    mechanism=(
        "LiteLLM refuses requests whose budget or rate limit cannot be checked; database and cache are "
        "highly available."
    ),
    verification=(
        "With the database or the cache down a request is refused; with both up the same request is answered."
    ),
    at_risk="requests run unmetered while the database or the cache is down, at another tenant's cost",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
