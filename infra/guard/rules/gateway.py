"""What the gateway is told: its configuration, whoever writes it, keeps keys, prices, limits and salts."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.blueprint.names import ENGINE_TRAFFIC_LABEL, MUTUAL_TLS
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import containers, environment
from infra.guard.rule import ResourceRule
from infra.guard.values import document, listed, mapping

SETTINGS = "general_settings"
"""What tells LiteLLM's configuration from other documents."""
FROM_ENVIRONMENT = "os.environ/"
FAIL_CLOSED = ("fail_closed_budget_enforcement", "fail_closed_rate_limit_enforcement")
SERVES_UNCHECKED = "allow_requests_on_db_unavailable"
OWN_AUTHENTICATION = ("custom_auth", "allow_client_side_credentials", "public_routes")
"""Settings by which LiteLLM lets requests in by another way than its keys."""
PRICES = ("input_cost_per_token", "output_cost_per_token")
CACHE_DOMAINS = "isolated"
"""The key, in what the salt hook reads, of the models whose requests it salts."""
STARTUP_HOOKS = "LITELLM_WORKER_STARTUP_HOOKS"
GATEWAY = "gateway"


def _documents(resource: GuardedResource, guard: Guard) -> Iterator[Mapping[str, Any]]:
    """What a ConfigMap beside the gateway holds, as mappings."""
    if resource.group != "core" or resource.kind != "ConfigMap":
        return
    if resource.namespace == guard.blueprint.gateway.namespace:
        yield from filter(None, map(document, mapping(resource.properties.get("data")).values()))


def _configurations(resource: GuardedResource, guard: Guard) -> Iterator[Mapping[str, Any]]:
    """LiteLLM's configurations among them."""
    return (found for found in _documents(resource, guard) if SETTINGS in found)


def _gateway_wants_keys(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    for configuration in _configurations(resource, guard):
        settings = mapping(configuration[SETTINGS])
        if not str(settings.get("master_key") or "").startswith(FROM_ENVIRONMENT):
            yield (
                "without a master key LiteLLM answers whoever asks, and in clear text anybody reads it who may list"
                f" ConfigMaps. Write: master_key: {FROM_ENVIRONMENT}LITELLM_MASTER_KEY, as the platform does"
            )
        if open_ways := [name for name in OWN_AUTHENTICATION if settings.get(name)]:
            yield (
                f"{', '.join(open_ways)} lets requests in that no tenant's key stands for. Write: none of them; tenants"
                " call with the keys of `bulkhead tenants key`"
            )


def _gateway_prices_what_tenants_call(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    called = {model for tenant in guard.blueprint.tenants for model in tenant.models}
    for configuration in _configurations(resource, guard):
        for model in map(mapping, listed(configuration.get("model_list"))):
            parameters = mapping(model.get("litellm_params"))
            missing = [name for name in PRICES if parameters.get(name) is None]
            if missing and model.get("model_name") in called:
                yield (
                    f"model {model.get('model_name')} has no {' and no '.join(missing)}, so that no budget binds on it."
                    " Write: bulkhead:models[].price, from which the platform writes it"
                )


def _gateway_fails_closed(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    for configuration in _configurations(resource, guard):
        settings = mapping(configuration[SETTINGS])
        wrong = [f"{name} is not true" for name in FAIL_CLOSED if settings.get(name) is not True]
        wrong += [f"{SERVES_UNCHECKED} is true"] if settings.get(SERVES_UNCHECKED) else []
        if wrong:
            yield (
                f"{', '.join(wrong)}: requests run unmetered while the database or the cache is away. Write: no"
                " transformation of the gateway's configuration; the control sets them"
            )


def _gateway_keeps_no_answers(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    for configuration in _configurations(resource, guard):
        if mapping(configuration.get("litellm_settings")).get("cache"):
            yield (
                "LiteLLM would keep answers and give them to whoever asks the same: by its speed one tenant learns what"
                " another has asked. Write: cache: false in litellm_settings, as the platform does"
            )


def _gateway_salts_requests(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    wanted = {model.name for model in guard.blueprint.gateway.models if model.isolated}
    for found in _documents(resource, guard):
        if CACHE_DOMAINS in found and (unsalted := wanted - set(map(str, listed(found[CACHE_DOMAINS])))):
            yield (
                f"requests for {', '.join(sorted(unsalted))} would bear the salt that the caller chose, or none."
                " Write: no transformation of what the hook reads; bulkhead:models[].cache_isolation sets it"
            )


def _replicas_run_the_hook(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """Of the platform's own Deployment: without its hook LiteLLM passes on whatever salt a caller sends."""
    gateway = guard.blueprint.gateway
    is_own = resource.kind == "Deployment" and resource.object_name == GATEWAY
    if not is_own or resource.namespace != gateway.namespace or resource.is_patch:
        return
    template = mapping(resource.spec.get("template"))
    found = [environment(one) for one in containers(mapping(template.get("spec"))) if one.get("name") == "litellm"]
    if gateway.isolates_caches and not any(one.get(STARTUP_HOOKS, {}).get("value") for one in found):
        yield (
            f"its LiteLLM starts without {STARTUP_HOOKS}, so that nothing puts the tenant's salt into requests. Write:"
            " no transformation of the gateway's Deployment"
        )
    labels = mapping(mapping(template.get("metadata")).get("labels"))
    if gateway.encrypts and labels.get(ENGINE_TRAFFIC_LABEL) != MUTUAL_TLS:
        yield (
            f"its pods lack the label {ENGINE_TRAFFIC_LABEL}: {MUTUAL_TLS}, so that they may call engines in clear"
            " text. Write: no transformation of the gateway's Deployment"
        )


RULES = (
    ResourceRule("gateway-wants-keys", (ControlId.AC1,), "LiteLLM answers nobody without a key.", _gateway_wants_keys),
    ResourceRule(
        "gateway-prices-what-tenants-call",
        (ControlId.AC2,),
        "Each model that tenants call has a price a token.",
        _gateway_prices_what_tenants_call,
    ),
    ResourceRule(
        "gateway-fails-closed",
        (ControlId.SR3,),
        "LiteLLM refuses what it cannot check against budgets and limits.",
        _gateway_fails_closed,
    ),
    ResourceRule(
        "gateway-keeps-no-answers",
        (ControlId.KV1,),
        "LiteLLM keeps no answer for another caller.",
        _gateway_keeps_no_answers,
    ),
    ResourceRule(
        "gateway-salts-requests",
        (ControlId.KV1,),
        "The salt hook knows every model whose cache is kept apart.",
        _gateway_salts_requests,
    ),
    ResourceRule(
        "replicas-run-the-salt-hook",
        (ControlId.KV1,),
        "The gateway's replicas start with the salt hook, and call engines by mutual TLS alone.",
        _replicas_run_the_hook,
    ),
)
