"""Cases of the rules over the gateway's configuration; what a hand writes there is refused by its namespace, too."""

import json
from typing import Any

import yaml

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import GATEWAY, GATEWAY_PATH, config_map, thing

PLACE = frozenset({"gateway-namespace-is-the-platforms"})
SETTINGS: dict[str, Any] = {
    "allow_requests_on_db_unavailable": False,
    "fail_closed_budget_enforcement": True,
    "fail_closed_rate_limit_enforcement": True,
    "master_key": "os.environ/LITELLM_MASTER_KEY",
}
CALLED = ("embeddings", "llama-8b", "qwen-14b")
ISOLATED = CALLED
DOMAINS = json.dumps({"engines": {}, "isolated": ISOLATED})
PRICED = {"model": "hosted_vllm/llama-8b", "input_cost_per_token": 2e-07, "output_cost_per_token": 6e-07}


def configuration(
    settings: dict[str, Any] | None = None,
    *,
    parameters: dict[str, Any] = PRICED,
    by: str = GATEWAY_PATH,
    without: str = "",
    **litellm: Any,
) -> GuardedResource:
    """What the gateway reads; a setting that is None is left out, and so is the part `without`."""
    document = {
        "general_settings": _said({**SETTINGS, **(settings or {})}),
        "litellm_settings": _said({"cache": False, **litellm}),
        "model_list": [{"model_name": name, "litellm_params": parameters} for name in CALLED],
    }
    kept = {key: value for key, value in document.items() if key != without}
    return own_map(yaml.safe_dump(kept), by=by)


def _said(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def own_map(text: str | None, domains: str | None = DOMAINS, *, by: str = GATEWAY_PATH) -> GuardedResource:
    """The program's own map; what is None is not in it."""
    held = _said({"config__yaml": text, "cache-domains__json": domains})
    return config_map("gateway-config-1", GATEWAY, by=by, **held)


def domains(text: str | None) -> GuardedResource:
    sound = configuration().properties["data"]["config.yaml"]
    return own_map(sound, text)


def isolating(*models: str) -> GuardedResource:
    return domains(json.dumps({"engines": {}, "isolated": models}))


def replicas(environment: list[dict[str, str]], labels: dict[str, str], name: str = "gateway") -> GuardedResource:
    containers = {"containers": [{"name": "edge"}], "initContainers": [{"name": "litellm", "env": environment}]}
    template = {"metadata": {"labels": labels}, "spec": containers}
    return thing("apps/v1:Deployment", name, GATEWAY, by=GATEWAY_PATH, spec={"template": template})


def patched(settings: dict[str, Any]) -> GuardedResource:
    return GuardedResource(
        "urn:pulumi:test::bulkhead::kubernetes:core/v1:ConfigMapPatch::one",
        "kubernetes:core/v1:ConfigMapPatch",
        "one",
        configuration(settings).properties,
    )


HOOK = [{"name": "LITELLM_WORKER_STARTUP_HOOKS", "value": "bulkhead_gateway.startup:install"}]
ENCRYPTED = {"bulkhead.dev/engine-traffic": "mutual-tls"}
UNREADABLE = (
    own_map(None),
    own_map(""),
    own_map("general_settings: ["),
    own_map("- general_settings"),
    thing("core/v1:ConfigMap", "gateway-config-1", GATEWAY, by=GATEWAY_PATH),
)
"""The program's own map, of which nobody knows what LiteLLM would make."""
CONFIGURATION_RULES = frozenset(
    {
        "gateway-fails-closed",
        "gateway-keeps-no-answers",
        "gateway-prices-what-tenants-call",
        "gateway-salts-requests",
        "gateway-wants-keys",
    }
)
"""All that one map can break at once."""
OTHERS = CONFIGURATION_RULES | PLACE
SILENT = (
    config_map("gateway-other-1", GATEWAY, by=GATEWAY_PATH, config__yaml="model_list: []"),
    config_map("gateway-edge-1", GATEWAY, by=GATEWAY_PATH, nginx__conf="events {}\nhttp { server { listen 80; } }"),
    config_map("web", "web", config__yaml="general_settings: {}"),
)
CASES = {
    "gateway-wants-keys": Cases(
        passing=(configuration(),),
        refused=(
            configuration({"master_key": "sk-in-clear"}),
            configuration({"custom_auth": "web.authenticate"}),
            configuration({"allow_client_side_credentials": True}),
            configuration({"public_routes": ["/v1/chat/completions"]}),
            patched({"master_key": "sk-in-clear"}),
        ),
        silent=SILENT,
        lacking=(configuration({"master_key": None}), configuration(without="general_settings"), *UNREADABLE),
        others=OTHERS,
    ),
    "gateway-prices-what-tenants-call": Cases(
        passing=(configuration(),),
        refused=(configuration(parameters={**PRICED, "output_cost_per_token": None}),),
        silent=SILENT,
        lacking=(
            configuration(parameters={"model": "hosted_vllm/llama-8b"}),
            configuration(without="model_list"),
            *UNREADABLE,
        ),
        others=OTHERS,
    ),
    "gateway-fails-closed": Cases(
        passing=(configuration(), configuration({"allow_requests_on_db_unavailable": None})),
        refused=(
            configuration({"allow_requests_on_db_unavailable": True}),
            configuration({"fail_closed_budget_enforcement": False}),
            configuration({"fail_closed_rate_limit_enforcement": False}),
            patched({"fail_closed_rate_limit_enforcement": False}),
            configuration({"allow_requests_on_db_unavailable": True}, by=""),
        ),
        silent=SILENT,
        lacking=(
            configuration({"fail_closed_budget_enforcement": None}),
            configuration({"fail_closed_rate_limit_enforcement": None}),
            configuration(without="general_settings"),
            *UNREADABLE,
        ),
        others=OTHERS,
    ),
    "gateway-keeps-no-answers": Cases(
        passing=(configuration(),),
        refused=(configuration(cache=True),),
        silent=SILENT,
        lacking=(configuration(cache=None), configuration(without="litellm_settings"), *UNREADABLE),
        others=OTHERS,
    ),
    "gateway-salts-requests": Cases(
        passing=(isolating(*ISOLATED), isolating(*ISOLATED, "another")),
        refused=(isolating(), isolating("llama-8b")),
        silent=SILENT,
        lacking=(domains(None), domains('{"engines": {}}'), domains("{"), domains("[]")),
    ),
    "replicas-run-the-salt-hook": Cases(
        passing=(replicas(HOOK, ENCRYPTED), replicas([], {}, "tenants")),
        refused=(
            replicas([{"name": "LITELLM_WORKER_STARTUP_HOOKS", "value": ""}], ENCRYPTED),
            replicas(HOOK, {"bulkhead.dev/engine-traffic": "plain"}),
        ),
        lacking=(replicas([], ENCRYPTED), replicas(HOOK, {})),
        silent=(thing("apps/v1:Deployment", "gateway", "web"),),
    ),
}
