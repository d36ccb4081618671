"""References: every name that is mentioned exists, and what is reserved for one tenant is used by it alone."""

from collections.abc import Iterator, Mapping

from infra.config.draft import Draft, NamedPart, NamedParts, at
from infra.config.paths import Location
from infra.config.problem import Problem
from infra.config.words import listed, near_miss


def check_references(draft: Draft) -> Iterator[Problem]:
    """Unknown tenants, pools and models, models listed twice, and foreigners on dedicated pools."""
    for index, model in draft.models.read.items():
        yield from _known(draft.pools, "pool", model.pool, at("models", index, "pool"), "its engines cannot run")
    for index, pool in draft.pools.read.items():
        if pool.dedicated_to is not None:
            where = at("pools", index, "dedicated_to")
            yield from _known(draft.tenants, "tenant", pool.dedicated_to, where, "the pool would stay empty")
    yield from _tenants(draft)
    yield from _callers_of_dedicated_pools(draft)


def _tenants(draft: Draft) -> Iterator[Problem]:
    for index, tenant in draft.tenants.read.items():
        for position, name in enumerate(tenant.models):
            where = at("tenants", index, "models", position)
            if name in tenant.models[:position]:
                yield Problem(
                    where,
                    f"the model `{name}` is listed twice",
                    "one of the two was probably meant to be another model, which the tenant could not call",
                    "each model once",
                )
            else:
                yield from _known(draft.models, "model", name, where, "every call to it would fail")
        if isinstance(tenant.gpu_quota, Mapping):
            for name in tenant.gpu_quota:
                where = at("tenants", index, "gpu_quota", name)
                yield from _known(draft.pools, "pool", name, where, "the quota would guarantee nothing")


def _known(parts: NamedParts[NamedPart], noun: str, name: str, where: Location, follows: str) -> Iterator[Problem]:
    if parts.lacks(name):
        known = sorted({part.name for part in parts.read.values()})
        meant = near_miss(name, known)
        write = f"`{meant}`, if that is meant; " if meant else ""
        yield Problem(where, f"there is no {noun} `{name}`", follows, f"{write}the {noun}s are {listed(known)}")


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
