"""Caches that KV1 scopes, and the engines that come of it."""

import pytest

from tests.unit.config.documents import document, faults_of, only_fault, sound

SCOPED = [{"tier": "adversarial", "tenants": "untrusted"}, {"tier": "trusted", "enable": ["KV1"]}]


@pytest.mark.parametrize("trust", SCOPED)
def test_a_cache_cannot_be_shared_on_purpose_with_kv1(trust: dict[str, object]) -> None:
    fault = only_fault({"trust": trust, "models.0.cache_isolation": "shared"})

    assert fault.path == "bulkhead:models[0].cache_isolation"
    assert "KV1" in fault.wrong
    assert fault.write.startswith("salted, off or engine_per_tenant")
    assert "waiver" in fault.write


@pytest.mark.parametrize(
    ("trust", "asker", "purpose"),
    [
        (
            {"tier": "trusted", "enable": ["KV1"]},
            "bulkhead:trust.enable",
            "takes KV1 out of bulkhead:trust.enable, and",
        ),
        ({"tier": "adversarial"}, "tier adversarial", "takes a lower tier, and a waiver of KV1"),
        ({"tier": "adversarial", "enable": ["KV1"]}, "tier adversarial", "a lower tier, KV1 out of bulkhead:trust.ena"),
        (
            {
                "tier": "adversarial",
                "waivers": [{"control": "KV1", "owner": "us", "reason": "speed", "expires": "2027-03-31"}],
            },
            "tier adversarial",
            "takes a lower tier, since the waiver of KV1 waives nothing",
        ),
    ],
)
def test_whoever_asks_for_kv1_is_named_and_what_it_takes_to_share(
    trust: dict[str, object], asker: str, purpose: str
) -> None:
    fault = only_fault({"trust": trust, "models.0.cache_isolation": "shared"})

    assert f"KV1 ({asker}) rules it out" in fault.wrong
    assert purpose in fault.write


@pytest.mark.parametrize("trust", SCOPED)
def test_a_cache_of_one_caller_is_refused_for_the_next_one_s_sake(trust: dict[str, object]) -> None:
    fault = only_fault({"trust": trust, "models.0.cache_isolation": "shared", "tenants.1": ...})

    assert "every further tenant" in fault.wrong
    assert fault.follows.startswith("nothing today")


def test_a_tenant_that_cannot_be_read_may_be_one_more_that_calls_the_model() -> None:
    changes = {"trust": SCOPED[1], "models.0.cache_isolation": "shared", "tenants.1.sensitive": "no"}
    (shared,) = [fault for fault in faults_of(document(changes)) if "cache_isolation" in fault.path]

    assert shared.wrong.startswith("`shared` lets tenants hit what others have left")
    assert "nothing today" not in shared.follows


@pytest.mark.parametrize("isolation", ["salted", "off", ...])
@pytest.mark.parametrize("trust", SCOPED)
def test_a_cache_that_is_scoped_or_of_which_nothing_is_said_fits_kv1(trust: object, isolation: object) -> None:
    assert sound({"trust": trust, "models.0.cache_isolation": isolation} if isolation is not ... else {"trust": trust})


@pytest.mark.parametrize("isolation", ["shared", "salted", "off"])
def test_without_kv1_every_isolation_may_be_chosen(isolation: str) -> None:
    assert sound({"models.0.cache_isolation": isolation})


def test_engines_of_each_tenant_count_against_the_pool() -> None:
    fault = only_fault({"models.0.cache_isolation": "engine_per_tenant", "models.0.replicas": 3})

    assert fault.path == "bulkhead:pools[1].nodes.max"
    assert "6 (llama: 6 engines x 1)" in fault.wrong
    assert sound({"models.0.cache_isolation": "engine_per_tenant"})


def test_a_sensitive_tenant_s_own_engines_count_once_kv1_is_in_force() -> None:
    changes = {"models.0.replicas": 3, "tenants.1.sensitive": True}

    assert sound(changes)
    fault = only_fault({**changes, "trust": SCOPED[1]})
    assert "6 (llama: 6 engines x 1)" in fault.wrong


MEDIA = {"models.0.engine": {"media_per_request": 4}}
SALTED = [*({"trust": trust} for trust in SCOPED), {"models.0.cache_isolation": "salted"}]


@pytest.mark.parametrize("salted", SALTED)
def test_media_cannot_be_asked_for_where_a_cache_is_salted_between_tenants(salted: dict[str, object]) -> None:
    fault = only_fault({**MEDIA, **salted})

    assert fault.path == "bulkhead:models[0].engine.media_per_request"
    assert "salted between `research` and `search`" in fault.wrong
    assert "answered about an image that another one has sent" in fault.follows
    assert fault.write.startswith("media_per_request: 0, or leave it out")
    assert "cache_isolation: off or engine_per_tenant" in fault.write


@pytest.mark.parametrize("salted", SALTED)
@pytest.mark.parametrize("engine", [{}, {"media_per_request": 0}])
def test_a_salted_cache_fits_a_model_of_whose_media_nothing_is_said_or_none_are_taken(
    salted: dict[str, object], engine: dict[str, object]
) -> None:
    assert sound({"models.0.engine": engine, **salted})


@pytest.mark.parametrize(
    "unshared",
    [
        {"models.0.cache_isolation": "off"},
        {"models.0.cache_isolation": "engine_per_tenant"},
        {"tenants.1": ...},
        {"tenants.1.sensitive": True},
    ],
)
@pytest.mark.parametrize("trust", SCOPED)
def test_media_can_be_asked_for_where_no_two_tenants_share_a_salted_cache(
    trust: dict[str, object], unshared: dict[str, object]
) -> None:
    assert sound({**MEDIA, **unshared, "trust": trust})


TIER = {"models.0.engine": {"kv_offload_gibibytes": 8}}
KV3 = [{"tier": "adversarial", "tenants": "untrusted"}, {"tier": "trusted", "enable": ["KV3"]}]


@pytest.mark.parametrize("trust", KV3)
def test_tenants_cannot_share_a_tier_behind_the_cache_with_kv3(trust: dict[str, object]) -> None:
    fault = only_fault({**TIER, "trust": trust})

    assert fault.path == "bulkhead:models[0].engine.kv_offload_gibibytes"
    assert "`research` and `search`" in fault.wrong
    assert fault.write.startswith("cache_isolation: engine_per_tenant")


@pytest.mark.parametrize("trust", KV3)
@pytest.mark.parametrize("alone", [{"models.0.cache_isolation": "engine_per_tenant"}, {"tenants.1": ...}])
def test_a_tenant_may_have_a_tier_of_its_own(trust: dict[str, object], alone: dict[str, object]) -> None:
    assert sound({**TIER, **alone, "trust": trust})


@pytest.mark.parametrize("trust", [{"tier": "trusted"}, *KV3])
@pytest.mark.parametrize("callers", [{}, {"tenants.1": ...}])
def test_a_tier_cannot_keep_what_a_cache_that_is_off_does_not(
    trust: dict[str, object], callers: dict[str, object]
) -> None:
    fault = only_fault({**TIER, **callers, "models.0.cache_isolation": "off", "trust": trust})

    assert fault.path == "bulkhead:models[0].engine.kv_offload_gibibytes"
    assert "`cache_isolation: off` lets nobody hit anything" in fault.wrong
    assert fault.write.startswith("leave kv_offload_gibibytes out")


def test_without_kv3_a_tier_may_be_shared() -> None:
    assert sound(TIER)


@pytest.mark.parametrize("trust", SCOPED)
def test_prompts_cannot_go_in_clear_text_with_kv1(trust: dict[str, object]) -> None:
    fault = only_fault({"gateway.engine_traffic": "plain", "trust": trust})

    assert fault.path == "bulkhead:gateway.engine_traffic"
    assert fault.write == "mutual_tls, or leave it out"
    assert sound({"gateway.engine_traffic": "mutual_tls", "trust": trust})


@pytest.mark.parametrize("traffic", ["plain", "mutual_tls"])
def test_without_kv1_either_is_a_choice(traffic: str) -> None:
    assert sound({"gateway.engine_traffic": traffic}).gateway.engine_traffic == traffic


PICKED = {"models.0.routing": {"kind": "endpoint_picker"}}


@pytest.mark.parametrize("trust", SCOPED)
def test_a_picker_s_data_plane_cannot_carry_prompts_in_clear_text_with_kv1(trust: dict[str, object]) -> None:
    fault = only_fault({**PICKED, "trust": trust})

    assert fault.path == "bulkhead:models[0].routing"
    assert "carries prompts for llama in clear text, and KV1" in fault.wrong
    assert "network_encrypts: true" in fault.write


@pytest.mark.parametrize("trust", SCOPED)
def test_a_network_that_encrypts_may_carry_what_a_picker_s_data_plane_does(trust: dict[str, object]) -> None:
    assert sound({"models.0.routing": {"kind": "endpoint_picker", "network_encrypts": True}, "trust": trust})


def test_without_kv1_a_picker_needs_nothing_of_the_network() -> None:
    assert sound(PICKED)
