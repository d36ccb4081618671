"""AC2: every tenant has a budget and limits, and every model that counts against one has a price.

A self-hosted model without a price costs nothing, so a budget in dollars never binds on it (LiteLLM's documentation on
custom pricing).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.AC2,
    title="budgets and prices per tenant",
    enforced_from=Tier.TRUSTED,
    assumption="none: required from the start",
    mechanism="A budget, a period and rate limits on each tenant's team, and a price a token on each of its models.",
    verification="A call's spend is recorded at the model's price, and a call beyond the budget is refused.",
    at_risk="a tenant spends without limit, or a budget never binds",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` as it is: the trusted blueprint already has budgets, and prices for what tenants may call.

    Raises:
        ValueError: a tenant may call a model that has no price, so its budget would not bind.
    """
    called = {model for tenant in blueprint.tenants for model in tenant.models}
    priced = {
        model.name
        for model in blueprint.gateway.models
        if model.input_usd_per_token is not None and model.output_usd_per_token is not None
    }
    if unpriced := sorted(called - priced):
        raise ValueError(f"AC2: no price for {', '.join(unpriced)}")
    return blueprint


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Each tenant's budget, and each model's price."""
    return (
        *(f"Budget/{tenant.name}" for tenant in blueprint.tenants),
        *(f"Price/{model.name}" for model in blueprint.gateway.models if model.input_usd_per_token is not None),
    )
