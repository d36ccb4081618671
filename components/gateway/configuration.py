"""LiteLLM's configuration file, from models and prices. Pure: the same gateway gives the same bytes."""

from decimal import Decimal
from typing import Any

import yaml

from components.gateway.engine_address import engine_address
from components.gateway.hooks.presence import SPARE_SECONDS
from components.gateway.metrics import metrics_settings
from infra.blueprint.model import GatewayModelPart, GatewayPart

CACHE_URL_VARIABLE = "REDIS_URL"
SPEND_WRITE_SECONDS = 1
"""How long spend may wait in memory before it is written; LiteLLM adds up to five seconds of its own. It is all that a
killed replica forgets, so it is as short as LiteLLM takes it."""
CONNECTIONS_PER_REPLICA = 10
KEY_CACHE_SECONDS = 10
"""How long a replica may act on what it knows of a key: the longest that a blocked key goes on working at another
replica than the one which was told."""
CLOCK_SECONDS = 1
REQUEST_SECONDS = 600
"""How long any answer may take, from when its request has arrived: a plain one until it is there, a stream to its end.
LiteLLM's own time-outs count between two pieces of a stream, so that the hook ends one that lasts longer altogether."""
STREAM_SECONDS = REQUEST_SECONDS - SPARE_SECONDS
"""How long a stream may take; one of completions may take all of the above, if LiteLLM does not end it before."""
LITELLM_STREAM_SECONDS = STREAM_SECONDS + 10
"""When LiteLLM ends a stream by itself, counted from when the engine begins to answer: after the hook on most paths,
and before it on that of completions."""
SIGNIFICANT_DIGITS = 15
"""What a binary fraction holds of a decimal one; beyond it stand the errors of the division by a million."""


class _Dumper(yaml.SafeDumper):
    """Writes decimal numbers digit by digit.

    YAML 1.1 reads `2e-07`, which is how Python and JSON write a price for one token, as a string.
    """


def _represent_decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", format(value, "f"))  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(Decimal, _represent_decimal)


def api_key_variable(engine: str) -> str:
    """The environment variable with the key of engines; their names are DNS labels, so no two give one."""
    return f"ENGINE_API_KEY_{engine.replace('-', '_').upper()}"


def exact_price(usd_per_token: float) -> Decimal:
    """US dollars for one token, as the decimal that was meant: 0.35 for a million tokens is 0.00000035."""
    price = Decimal(f"{usd_per_token:.{SIGNIFICANT_DIGITS}g}")
    return price if price % 1 else price.quantize(Decimal("0.1"))


def key_memory_seconds(part: GatewayPart) -> int:
    """The longest that any replica may act on what was known of a key before it was changed.

    LiteLLM drops a changed key from its caches at once and tells the others through Redis, but promises neither. A
    replica may still read it from Redis just before it ends there, and remember it for as long again.
    """
    return KEY_CACHE_SECONDS * (1 if part.cache is None else 2) + CLOCK_SECONDS


def configuration(part: GatewayPart) -> str:
    """LiteLLM's `config.yaml`, without any secret: those are named and read from the environment."""
    document: dict[str, Any] = {
        "model_list": [_model(part, model) for model in part.models],
        "litellm_settings": _litellm_settings(part),
        "general_settings": _general_settings(part),
        "router_settings": _router_settings(part),
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=True)


def _model(part: GatewayPart, model: GatewayModelPart) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "model": f"hosted_vllm/{model.name}",
        "api_base": engine_address(part, model),
        "api_key": f"os.environ/{api_key_variable(model.engine)}",
    }
    if model.input_usd_per_token is not None:
        parameters["input_cost_per_token"] = exact_price(model.input_usd_per_token)
    if model.output_usd_per_token is not None:
        parameters["output_cost_per_token"] = exact_price(model.output_usd_per_token)
    return {"model_name": model.name, "litellm_params": parameters}


def _litellm_settings(part: GatewayPart) -> dict[str, Any]:
    settings: dict[str, Any] = {
        # No answer is kept for whoever asks the same, or something like it: by its speed it would tell one tenant what
        # another has asked.
        "cache": False,
        # A parameter that an engine does not know is an error that the caller sees, not one that is lost.
        "drop_params": False,
        "json_logs": True,
        "request_timeout": REQUEST_SECONDS,
        "telemetry": False,
        # Prompts and answers stay out of logs and of the database.
        "turn_off_message_logging": True,
    }
    if part.cache is not None:
        settings["enable_redis_auth_cache"] = True
    if part.metrics_port is not None:
        settings.update(metrics_settings())
    return settings


def _general_settings(part: GatewayPart) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "allow_requests_on_db_unavailable": part.serves_without_database,
        "database_connection_pool_limit": CONNECTIONS_PER_REPLICA,
        "database_url": "os.environ/DATABASE_URL",
        "disable_prisma_schema_update": True,
        "disable_spend_logs": False,
        "master_key": "os.environ/LITELLM_MASTER_KEY",
        "proxy_batch_write_at": SPEND_WRITE_SECONDS,
        # Models come from the stack file alone, so that what was reviewed is what is served.
        "store_model_in_db": False,
        "store_prompts_in_spend_logs": False,
        "user_api_key_cache_ttl": KEY_CACHE_SECONDS,
    }
    if part.fails_closed:
        # What cannot be verified is refused with 503 instead of being counted later, or by each replica for itself.
        settings["fail_closed_budget_enforcement"] = True
        settings["fail_closed_rate_limit_enforcement"] = True
    if part.cache is not None:
        settings["coordination_redis"] = {"url": f"os.environ/{CACHE_URL_VARIABLE}"}
        # Without it LiteLLM forgets what keys and teams spent when the database is away for longer than its retries,
        # some fifteen seconds: it takes the sums out of memory first and does not put them back.
        settings["use_redis_transaction_buffer"] = True
    return settings


def _router_settings(part: GatewayPart) -> dict[str, Any]:
    settings: dict[str, Any] = {
        # A model has one address behind which its engines stand. Set aside after an error, as LiteLLM does by default,
        # it would be gone for every tenant because one of them asked for a path that the engine does not serve.
        "disable_cooldowns": True,
        "num_retries": 1,
        "timeout": REQUEST_SECONDS,
    }
    if part.cache is not None:
        settings["redis_url"] = f"os.environ/{CACHE_URL_VARIABLE}"
    return settings
