"""KV1: no tenant's request is answered faster for what another tenant asked before.

vLLM's prefix cache is shared by all callers unless each request carries a `cache_salt`; hit and miss are told apart at
8-token prefixes with an area under the curve of 0.99 (arXiv 2411.18191, cited by vLLM's security guide;
CVE-2025-46570). The caller can send a salt of its own choice, so the gateway has to replace it. On the way to
the engines the prompts of all tenants go side by side: whoever could read along would need no cache.
"""

from dataclasses import replace

from infra.blueprint.caches import with_cache_domains
from infra.blueprint.model import Blueprint
from infra.config.gateway import EngineTraffic
from infra.config.models import CacheIsolation
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.KV1,
    title="prefix cache scoped per tenant, or off",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no tenant tries to learn what another one asks the models",
    mechanism=(
        "The gateway replaces every request's cache_salt with one derived for the tenant, or the engines run without a "
        "cache, or are one tenant's own, as those of a tenant that is `bulkhead:tenants[].sensitive` always are. "
        "Engines whose cache is salted between tenants take no images, videos and sounds, of which vLLM keeps "
        "something without a salt. Between gateway and engines traffic is encrypted, and both sides prove who they are "
        "(mutual TLS); where an endpoint picker's data plane carries it, the cluster's network has to encrypt it, and "
        "the stack file says that it does."
    ),
    verification=(
        "On one prompt, another tenant's request adds no prefix-cache hits, and the same tenant's request does."
    ),
    at_risk="a tenant tells from response times what another tenant has asked",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with caches that no two tenants share, and with encrypted traffic to the engines.

    Raises:
        ValueError: a model's cache is to be shared. The loader refuses such stack files.
    """
    if shared := [engine.model for engine in blueprint.engines if engine.cache_isolation is CacheIsolation.SHARED]:
        raise ValueError(f"KV1: the cache of {', '.join(shared)} is to be shared")
    scoped = with_cache_domains(blueprint, scoped=True)
    return replace(scoped, gateway=replace(scoped.gateway, engine_traffic=EngineTraffic.MUTUAL_TLS))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """What scopes each model's cache (salts, engines without a cache, engines of one tenant), and what encrypts."""
    kinds = {
        CacheIsolation.SALTED: "CacheSalt",
        CacheIsolation.OFF: "EngineWithoutCache",
        CacheIsolation.ENGINE_PER_TENANT: "EngineOfOneTenant",
    }
    scopes = (
        f"{kind}/{engine.name}"
        for engine in blueprint.engines
        if engine.cache_isolation is not None and (kind := kinds.get(engine.cache_isolation))
    )
    encrypted = blueprint.gateway.models if blueprint.gateway.encrypts else ()
    carried = (engine.name for engine in blueprint.engines if engine.picker and engine.picker.network_encrypts)
    return (
        *scopes,
        *(f"MutualTls/{row.engine}" for row in encrypted if row.door is not None),
        *(f"EncryptedByNetwork/{name}" for name in carried),
    )
