"""Each model's engines, divided so that whoever may not share a cache does not."""

import hashlib
from dataclasses import replace
from itertools import groupby

from infra.blueprint.model import Blueprint, EnginePart, GatewayModelPart, TenantPart
from infra.blueprint.platform_network import closed_anew
from infra.blueprint.quota import with_serving_quota
from infra.config.caches import engine_owners, isolation_in_force, may_take_media, sharers
from infra.config.models import CacheIsolation

SHOWN = 20
"""Characters of a name that the name of a tenant's engines shows; a Service's name has room for 63."""
DIGITS = 8


def with_cache_domains(blueprint: Blueprint, *, scoped: bool) -> Blueprint:
    """`blueprint` with the engines that its models' isolation asks for, and the gateway's way to each.

    Args:
        blueprint: The platform.
        scoped: Whether KV1 is in force: models of which nothing is said are salted then, and sensitive tenants get
            engines of their own.
    """
    by_model = groupby(sorted(blueprint.engines, key=lambda engine: engine.model), key=lambda engine: engine.model)
    engines = tuple(
        part
        for model, found in by_model
        for part in _divided(_undivided(model, tuple(found)), callers_of(blueprint, model), scoped)
    )
    rows = {row.name: row for row in blueprint.gateway.models}
    gateway = replace(blueprint.gateway, models=tuple(_row(rows[engine.model], engine) for engine in engines))
    quota = with_serving_quota(blueprint.quota, engines)
    return closed_anew(replace(blueprint, engines=engines, gateway=gateway, quota=quota))


def callers_of(blueprint: Blueprint, model: str) -> tuple[TenantPart, ...]:
    """The tenants that may call a model."""
    return tuple(tenant for tenant in blueprint.tenants if model in tenant.models)


def served_by(blueprint: Blueprint, engine: EnginePart) -> frozenset[str]:
    """Names of the tenants whose prompts an engine works on."""
    if engine.tenant is not None:
        return frozenset({engine.tenant})
    apart = {other.tenant for other in blueprint.engines if other.model == engine.model}
    return frozenset(tenant.name for tenant in callers_of(blueprint, engine.model)) - apart


def _undivided(model: str, engines: tuple[EnginePart, ...]) -> EnginePart:
    """What the model's engines are made after: those that several tenants share, where there are any."""
    pattern = next((engine for engine in engines if engine.tenant is None), engines[0])
    return replace(pattern, name=model, tenant=None)


def _divided(pattern: EnginePart, callers: tuple[TenantPart, ...], scoped: bool) -> tuple[EnginePart, ...]:
    isolation = isolation_in_force(pattern.cache_isolation, scoped=scoped)
    owners = engine_owners(isolation, callers, scoped=scoped)
    own = isolation if isolation is CacheIsolation.OFF else CacheIsolation.ENGINE_PER_TENANT
    media = may_take_media(isolation, sharers(callers, owners))

    def part(owner: str | None) -> EnginePart:
        if owner is None:
            kept = isolation if scoped else pattern.cache_isolation
            return replace(pattern, cache_isolation=kept, takes_media=media)
        # The only caller's engines keep the model's name, so that raising the tier makes no second Deployment, which
        # would need devices beside the first; they restart only where they move to a pool of the caller's own.
        name = pattern.model if len(owners) == 1 else engine_name(pattern.model, owner)
        return replace(pattern, name=name, tenant=owner, cache_isolation=own, takes_media=True)

    return tuple(map(part, owners))


def engine_name(model: str, tenant: str) -> str:
    """What the engines of one tenant are called; the digest tells apart what shortened names do not."""
    digest = hashlib.sha256(f"{model}/{tenant}".encode()).hexdigest()[:DIGITS]
    return f"{model[:SHOWN].rstrip('-')}-{tenant[:SHOWN].rstrip('-')}-{digest}"


def _row(row: GatewayModelPart, engine: EnginePart) -> GatewayModelPart:
    return replace(
        row,
        base_url=engine.base_url,
        engine=engine.name,
        tenant=engine.tenant,
        isolated=engine.isolates_tenants,
        door=engine.door_address,
    )
