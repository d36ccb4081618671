"""LiteLLM's configuration says what the stack file said, and no secret."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.configuration import api_key_variable, configuration, exact_price
from infra.blueprint.model import GatewayModelPart, InClusterCachePart
from tests.unit.components.parts import GATEWAY

CACHED = dataclasses.replace(GATEWAY, cache=InClusterCachePart("registry.example.com/redis:7.0"))


def parsed(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


def test_a_model_is_offered_under_its_name_and_reached_with_its_engines_key() -> None:
    model = parsed(configuration(GATEWAY))["model_list"][0]

    assert model["model_name"] == "llama-8b"
    assert model["litellm_params"]["model"] == "hosted_vllm/llama-8b"
    assert model["litellm_params"]["api_base"] == "http://engine-llama-8b.engines.svc.cluster.local:8000/v1"
    assert model["litellm_params"]["api_key"] == "os.environ/ENGINE_API_KEY_LLAMA_8B"


def test_prices_are_exact_numbers_that_yaml_reads_back_as_numbers() -> None:
    parameters = parsed(configuration(GATEWAY))["model_list"][0]["litellm_params"]

    assert parameters["input_cost_per_token"] == 2e-07
    assert "input_cost_per_token: 0.0000002\n" in configuration(GATEWAY)


def test_a_model_without_a_price_has_none() -> None:
    assert "input_cost_per_token" not in parsed(configuration(GATEWAY))["model_list"][1]["litellm_params"]


@given(st.integers(min_value=0, max_value=10**9).map(lambda thousandths: thousandths / 1000))
def test_any_price_for_a_million_tokens_comes_back_to_the_last_digit(usd: float) -> None:
    part = dataclasses.replace(GATEWAY, models=(GatewayModelPart("m", "http://m", usd / 1_000_000, 0.0, "m"),))
    text = configuration(part)
    written = text.partition("input_cost_per_token: ")[2].partition("\n")[0]

    assert Decimal(written) * 1_000_000 == Decimal(str(usd))
    assert isinstance(parsed(text)["model_list"][0]["litellm_params"]["input_cost_per_token"], float)


@pytest.mark.parametrize(("usd", "written"), [(0.0, "0.0"), (2.0, "2.0"), (1.05e-06, "0.00000105")])
def test_a_price_is_never_written_with_an_exponent(usd: float, written: str) -> None:
    assert format(exact_price(usd), "f") == written


def test_no_secret_stands_in_the_file() -> None:
    general = parsed(configuration(CACHED))["general_settings"]

    assert general["master_key"] == "os.environ/LITELLM_MASTER_KEY"
    assert general["database_url"] == "os.environ/DATABASE_URL"
    assert general["coordination_redis"] == {"url": "os.environ/REDIS_URL"}


def test_models_come_from_the_stack_file_alone() -> None:
    assert parsed(configuration(GATEWAY))["general_settings"]["store_model_in_db"] is False


def test_spend_is_recorded_soon_and_prompts_never() -> None:
    settings = parsed(configuration(GATEWAY))

    assert settings["general_settings"]["disable_spend_logs"] is False
    assert settings["general_settings"]["proxy_batch_write_at"] <= 10
    assert settings["general_settings"]["store_prompts_in_spend_logs"] is False
    assert settings["litellm_settings"]["turn_off_message_logging"] is True
    assert settings["litellm_settings"]["telemetry"] is False


def test_a_blocked_key_stops_soon_at_every_replica() -> None:
    settings = parsed(configuration(CACHED))

    assert settings["general_settings"]["user_api_key_cache_ttl"] <= 10
    assert settings["litellm_settings"]["enable_redis_auth_cache"] is True


def test_one_tenants_error_takes_a_model_away_from_nobody_else() -> None:
    assert parsed(configuration(GATEWAY))["router_settings"]["disable_cooldowns"] is True


def test_replicas_share_counters_where_there_is_a_cache() -> None:
    assert parsed(configuration(CACHED))["router_settings"]["redis_url"] == "os.environ/REDIS_URL"
    assert "redis_url" not in parsed(configuration(GATEWAY))["router_settings"]


def test_what_cannot_be_counted_is_refused_only_where_that_was_asked_for() -> None:
    keys = {"fail_closed_budget_enforcement", "fail_closed_rate_limit_enforcement"}
    closed = parsed(configuration(dataclasses.replace(GATEWAY, fails_closed=True)))["general_settings"]

    assert {key for key in keys if closed[key] is True} == keys
    assert not keys & set(parsed(configuration(GATEWAY))["general_settings"])


def test_the_gateway_does_not_change_the_schema_itself() -> None:
    assert parsed(configuration(GATEWAY))["general_settings"]["disable_prisma_schema_update"] is True


@given(st.sets(st.from_regex(r"[a-z]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True), min_size=2, max_size=5))
def test_no_two_models_share_a_key_variable(names: set[str]) -> None:
    assert len({api_key_variable(name) for name in names}) == len(names)


def test_spend_outlives_an_outage_of_the_database_where_there_is_a_cache() -> None:
    assert parsed(configuration(CACHED))["general_settings"]["use_redis_transaction_buffer"] is True
    # Without a Redis LiteLLM does not start with it.
    assert "use_redis_transaction_buffer" not in parsed(configuration(GATEWAY))["general_settings"]


@pytest.mark.parametrize("serves", [False, True])
def test_requests_are_served_without_a_database_only_when_that_was_asked_for(serves: bool) -> None:
    part = dataclasses.replace(GATEWAY, serves_without_database=serves)
    assert parsed(configuration(part))["general_settings"]["allow_requests_on_db_unavailable"] is serves
