"""What the gateway is told: its configuration, whoever writes it, keeps keys, prices, limits and salts."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.blueprint.names import ENGINE_TRAFFIC_LABEL, MUTUAL_TLS
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource
from infra.guard.pods import containers, environment
from infra.guard.rule import ResourceRule
from infra.values import document, listed, mapping

OWN_MAP = "gateway-configuration"
"""What the map that the program's gateway reads is called in Pulumi, where no transformation reaches."""
OWN_MAP_PREFIX = "gateway-config-"
"""What its name on the cluster begins with."""
CONFIGURATION_KEY = "config.yaml"
DOMAINS_KEY = "cache-domains.json"
SETTINGS = "general_settings"
"""What tells LiteLLM's configuration from other documents, where nothing else does."""
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


def _is_own_map(resource: GuardedResource, guard: Guard) -> bool:
    """Whether it is what the program's gateway reads, by where the program makes it and whatever it holds."""
    made = not resource.by_hand and not resource.is_patch and _is_map_beside(resource, guard)
    return made and (resource.name == OWN_MAP or resource.object_name.startswith(OWN_MAP_PREFIX))


def _is_map_beside(resource: GuardedResource, guard: Guard) -> bool:
    is_map = resource.group == "core" and resource.kind == "ConfigMap"
    return is_map and resource.namespace == guard.blueprint.gateway.namespace


def _documents(resource: GuardedResource, guard: Guard, key: str, telling: str) -> Iterator[Mapping[str, Any]]:
    """What LiteLLM or its hook reads: of the program's own map what stands under `key`, be it nothing that can be read.

    Of any other map beside the gateway the documents with the key `telling`: of whose they are nothing else tells.
    """
    if not _is_map_beside(resource, guard):
        return
    data = mapping(resource.properties.get("data"))
    if _is_own_map(resource, guard):
        yield document(data.get(key))
    else:
        yield from (found for found in map(document, data.values()) if telling in found)


def _configurations(resource: GuardedResource, guard: Guard) -> Iterator[Mapping[str, Any]]:
    """LiteLLM's configurations among them."""
    return _documents(resource, guard, CONFIGURATION_KEY, SETTINGS)


def _gateway_wants_keys(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    for configuration in _configurations(resource, guard):
        settings = mapping(configuration.get(SETTINGS))
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
        models = list(map(mapping, listed(configuration.get("model_list"))))
        for model in models:
            parameters = mapping(model.get("litellm_params"))
            missing = [name for name in PRICES if parameters.get(name) is None]
            if missing and model.get("model_name") in called:
                yield (
                    f"model {model.get('model_name')} has no {' and no '.join(missing)}, so that no budget binds on it."
                    " Write: bulkhead:models[].price, from which the platform writes it"
                )
        unpriced = called - {str(model.get("model_name")) for model in models}
        if unpriced and _is_own_map(resource, guard):
            yield (
                f"it lists no model {', '.join(sorted(unpriced))}, which tenants call, and so no price of it. Write: no"
                " transformation of the gateway's configuration; bulkhead:models[] makes the list"
            )


def _gateway_fails_closed(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    for configuration in _configurations(resource, guard):
        settings = mapping(configuration.get(SETTINGS))
        wrong = [f"{name} is not true" for name in FAIL_CLOSED if settings.get(name) is not True]
        wrong += [f"{SERVES_UNCHECKED} is true"] if settings.get(SERVES_UNCHECKED) else []
        if wrong:
            yield (
                f"{', '.join(wrong)}: requests run unmetered while the database or the cache is away. Write: no"
                " transformation of the gateway's configuration; the control sets them"
            )


def _gateway_keeps_no_answers(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    for configuration in _configurations(resource, guard):
        said = mapping(configuration.get("litellm_settings")).get("cache")
        if said or (said is None and _is_own_map(resource, guard)):
            yield (
                "LiteLLM would keep answers and give them to whoever asks the same: by its speed one tenant learns what"
                " another has asked. Write: cache: false in litellm_settings, as the platform does"
            )


def _gateway_salts_requests(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    wanted = {model.name for model in guard.blueprint.gateway.models if model.isolated}
    for found in _documents(resource, guard, DOMAINS_KEY, CACHE_DOMAINS):
        if unsalted := wanted - set(map(str, listed(found.get(CACHE_DOMAINS)))):
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
    ResourceRule(
        "gateway-wants-keys",
        (ControlId.AC1,),
        "LiteLLM answers nobody without a key; of the program's own map also what is not in it counts.",
        _gateway_wants_keys,
    ),
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
