"""Money: a budget in dollars binds only on models that have a price."""

from collections.abc import Iterator

from infra.config.draft import Draft, at
from infra.config.models import Model
from infra.config.problem import Problem
from infra.config.words import listed

_TENANTS_SHOWN = 5

LEAST_USD_PER_MILLION_TOKENS = 0.0001
"""A hundredth of what the cheapest models cost anywhere: whoever writes less has mistaken the unit, which is a million
tokens and not one."""


def check_money(draft: Draft) -> Iterator[Problem]:
    """Models without a price that tenants with a budget may call, and budgets that nothing can use up."""
    for index, model in draft.models.read.items():
        yield from _prices_of_next_to_nothing(index, model)
        callers = [tenant.name for tenant in draft.tenants.read.values() if model.name in tenant.models]
        if model.price is None and callers:
            others = f" and {len(callers) - _TENANTS_SHOWN} more" if len(callers) > _TENANTS_SHOWN else ""
            yield Problem(
                at("models", index, "price"),
                f"the model `{model.name}` has no price, and {listed(callers[:_TENANTS_SHOWN])}{others} may call it "
                "within a budget",
                "its use would cost nothing, so that no budget would ever stop it",
                "price: {input_usd_per_million_tokens: 0.20, output_usd_per_million_tokens: 0.60}",
            )
    for index, tenant in draft.tenants.read.items():
        models = [draft.models.by_name.get(name) for name in tenant.models]
        if all(_is_free(model) for model in models):
            yield Problem(
                at("tenants", index, "budget"),
                f"every model that `{tenant.name}` may call has a price of zero",
                "the budget would never be used up, and nothing would stop its calls",
                "a price above zero for one of its models at least",
            )


def _is_free(model: Model | None) -> bool:
    return model is not None and model.price is not None and model.price.is_zero


def _prices_of_next_to_nothing(index: int, model: Model) -> Iterator[Problem]:
    for key, price in (model.price.model_dump() if model.price else {}).items():
        if 0 < price < LEAST_USD_PER_MILLION_TOKENS:
            yield Problem(
                at("models", index, "price", key),
                f"{price:g} US dollars for a million tokens is next to nothing",
                f"a dollar would buy {1 / price:,.0f} million tokens, so that no budget would ever be used up",
                f"dollars for a million tokens, {LEAST_USD_PER_MILLION_TOKENS} or more; or 0, where it is to be free",
            )
