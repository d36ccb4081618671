"""References: every name that is mentioned exists, and what is reserved for one tenant is used by it alone."""

from collections.abc import Iterator

from infra.config.draft import Draft, Mention, NamedParts, at
from infra.config.models import Model
from infra.config.pools import Pool
from infra.config.problem import Problem
from infra.config.tenants import Tenant
from infra.config.words import listed, near_miss


def check_references(draft: Draft) -> Iterator[Problem]:
    """Unknown tenants, pools and models, models listed twice, and foreigners on dedicated pools."""
    for mention in draft.mentions:
        yield from _unknown(_parts(draft, mention.noun), mention)
    for index, tenant in draft.tenants.read.items():
        for position, name in enumerate(tenant.models):
            if name in tenant.models[:position] and not draft.models.lacks(name):
                yield Problem(
                    at("tenants", index, "models", position),
                    f"the model `{name}` is listed twice",
                    "one of the two was probably meant to be another model, which the tenant could not call",
                    "each model once",
                )
    yield from _callers_of_dedicated_pools(draft)


def _parts(draft: Draft, noun: str) -> NamedParts[Pool] | NamedParts[Model] | NamedParts[Tenant]:
    return {"pool": draft.pools, "model": draft.models, "tenant": draft.tenants}[noun]


def _unknown(parts: NamedParts[Pool] | NamedParts[Model] | NamedParts[Tenant], mention: Mention) -> Iterator[Problem]:
    if parts.lacks(mention.name):
        known = sorted(set(parts.names.values()))
        meant = near_miss(mention.name, known)
        write = (f"`{meant}`, if that is meant; " if meant else "") + f"the {mention.noun}s are {listed(known)}"
        yield Problem(mention.location, f"there is no {mention.noun} `{mention.name}`", mention.follows, write)


def _callers_of_dedicated_pools(draft: Draft) -> Iterator[Problem]:
    for index, model in draft.models.read.items():
        pool = draft.pools.by_name.get(model.pool)
        if pool is None or pool.dedicated_to is None or draft.tenants.lacks(pool.dedicated_to):
            continue
        others = sorted(
            tenant.name
            for tenant in draft.tenants.read.values()
            if model.name in tenant.models and tenant.name != pool.dedicated_to
        )
        if others:
            yield Problem(
                at("models", index, "pool"),
                f"`{pool.name}` is dedicated to `{pool.dedicated_to}`, and {listed(others)} may call the model",
                "their prompts would be worked on by GPUs that no other tenant's workload may use",
                f"a pool that is not dedicated, or leave `{model.name}` to `{pool.dedicated_to}` alone",
            )
