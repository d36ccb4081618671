"""Engines divided among those who may share a cache."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.blueprint.caches import engine_name, served_by, with_cache_domains
from infra.blueprint.model import Blueprint
from infra.blueprint.trusted import trusted_blueprint
from infra.config.forms import NAME_MAX_LENGTH
from infra.config.models import CacheIsolation
from infra.controls import kv1_prefix_cache_scoped as kv1
from infra.controls import kv2_no_prefix_co_location as kv2
from infra.controls import kv3_no_shared_kv_tier as kv3
from tests.unit.config.documents import sound

NAMES = st.from_regex(r"\A[a-z]([-a-z0-9]{0,38}[a-z0-9])?\Z")


def trusted(changes: dict[str, Any] | None = None) -> Blueprint:
    return trusted_blueprint("stack", sound(changes or {}))


def owners(blueprint: Blueprint) -> list[str | None]:
    return [engine.tenant for engine in blueprint.engines]


def test_nothing_is_scoped_as_long_as_nothing_asks_for_it() -> None:
    (engine,) = trusted().engines
    (model,) = trusted().gateway.models

    assert not engine.isolates_tenants
    assert not model.isolated


def test_kv1_salts_a_model_of_which_nothing_is_said() -> None:
    blueprint = kv1.apply(trusted())

    assert [(engine.name, engine.cache_isolation) for engine in blueprint.engines] == [("llama", CacheIsolation.SALTED)]
    assert all(model.isolated for model in blueprint.gateway.models)
    assert kv1.objects(blueprint) == ("CacheSalt/llama", "MutualTls/llama")


def test_kv1_encrypts_what_goes_to_the_engines() -> None:
    assert not trusted().gateway.encrypts
    assert kv1.apply(trusted()).gateway.encrypts


def test_encryption_can_be_chosen_without_kv1() -> None:
    assert trusted({"gateway.engine_traffic": "mutual_tls"}).gateway.encrypts
    assert not trusted({"gateway.engine_traffic": "plain"}).gateway.encrypts


def test_every_engine_has_a_way_in_by_mutual_tls_before_anything_asks_for_it() -> None:
    (engine,) = trusted().engines
    (row,) = trusted().gateway.models

    assert engine.door is not None
    assert row.door == ("engine-llama.bulkhead-engines.svc.cluster.local", 8443)


def test_kv1_gives_a_sensitive_tenant_engines_of_its_own() -> None:
    blueprint = kv1.apply(trusted({"tenants.1.sensitive": True}))
    shared, own = blueprint.engines

    assert (shared.tenant, own.tenant) == (None, "search")
    assert served_by(blueprint, shared) == {"research"}
    assert served_by(blueprint, own) == {"search"}
    assert own.replicas == shared.replicas
    assert [(row.name, row.engine, row.tenant) for row in blueprint.gateway.models] == [
        ("llama", "llama", None),
        ("llama", own.name, "search"),
    ]


def test_no_engine_is_left_for_nobody_where_every_caller_has_its_own() -> None:
    changes = {"tenants.0.sensitive": True, "tenants.1.sensitive": True}

    assert owners(kv1.apply(trusted(changes))) == ["research", "search"]


def test_a_sensitive_tenant_that_calls_a_model_alone_keeps_the_engines_that_it_has() -> None:
    alone = {"tenants.0.models": ["llama"], "tenants.1": ..., "tenants.0.sensitive": True}
    (engine,) = kv1.apply(trusted(alone)).engines

    assert (engine.name, engine.tenant) == ("llama", "research")


def test_each_tenant_s_engines_can_be_chosen_without_kv1() -> None:
    blueprint = trusted({"models.0.cache_isolation": "engine_per_tenant"})

    assert owners(blueprint) == ["research", "search"]
    assert all(engine.isolates_tenants for engine in blueprint.engines)


def test_a_cache_that_is_off_keeps_nothing_and_still_wants_a_tenant() -> None:
    (engine,) = kv1.apply(trusted({"models.0.cache_isolation": "off"})).engines

    assert not engine.keeps_prefixes
    assert engine.isolates_tenants
    (off, _) = kv1.objects(kv1.apply(trusted({"models.0.cache_isolation": "off"})))
    assert off == "EngineWithoutCache/llama"


def test_a_sensitive_tenant_s_engines_keep_nothing_either_where_the_cache_is_off() -> None:
    blueprint = kv1.apply(trusted({"models.0.cache_isolation": "off", "tenants.1.sensitive": True}))

    assert [engine.keeps_prefixes for engine in blueprint.engines] == [False, False]


# --- media, of which engines keep something without a salt --------------------------------------------------------


def media(blueprint: Blueprint) -> list[int | None]:
    return [engine.media_per_request for engine in blueprint.engines]


def test_engines_whose_cache_is_salted_between_tenants_take_no_media() -> None:
    assert media(kv1.apply(trusted())) == [0]
    assert media(trusted({"models.0.cache_isolation": "salted"})) == [0]


@pytest.mark.parametrize("isolation", ["off", "engine_per_tenant"])
def test_engines_that_find_nobody_s_media_again_for_another_take_them(isolation: str) -> None:
    assert set(media(kv1.apply(trusted({"models.0.cache_isolation": isolation})))) == {8}


def test_engines_that_share_on_purpose_take_media() -> None:
    assert media(trusted()) == [8]


def test_engines_that_one_tenant_alone_may_call_take_media() -> None:
    assert media(kv1.apply(trusted({"tenants.1": ...}))) == [8]


def test_whoever_is_left_alone_once_sensitive_tenants_are_set_apart_keeps_its_media() -> None:
    changes = {"models.0.cache_isolation": "salted", "tenants.1.sensitive": True}

    assert media(trusted(changes)) == [0]
    assert media(kv1.apply(trusted({**changes, "models.0.engine": {"media_per_request": 0}}))) == [0, 0]
    assert media(kv1.apply(trusted(changes))) == [8, 8]


def test_a_model_that_nobody_may_call_yet_has_engines_all_the_same() -> None:
    spare = {"name": "spare", "source": "example/spare", "pool": "cpu", "cache_isolation": "engine_per_tenant"}

    assert owners(trusted({"models.1": spare})) == [None, None]


def test_the_serving_queue_has_exactly_what_the_engines_take() -> None:
    blueprint = kv1.apply(trusted({"tenants.1.sensitive": True}))
    (queue,) = [queue for queue in blueprint.quota.cluster_queues if queue.tenant is None]

    assert [flavor.nominal for group in queue.groups for flavor in group.flavors] == [4]


def test_every_engine_lies_where_no_tenant_may_enter() -> None:
    # In a tenant's own namespace its people could read the engine's key and run commands in the pod.
    blueprint = kv1.apply(trusted({"models.0.cache_isolation": "engine_per_tenant"}))

    assert {engine.namespace for engine in blueprint.engines} == {"bulkhead-engines"}


def test_applying_it_twice_changes_nothing() -> None:
    once = kv1.apply(trusted({"tenants.1.sensitive": True}))

    assert with_cache_domains(once, scoped=True) == once


def test_kv1_refuses_a_cache_that_is_to_be_shared() -> None:
    with pytest.raises(ValueError, match="KV1"):
        kv1.apply(trusted({"models.0.cache_isolation": "shared"}))


@given(NAMES, NAMES, NAMES, NAMES)
def test_names_of_engines_fit_a_service_and_are_told_apart(model: str, tenant: str, other: str, another: str) -> None:
    assert len(f"engine-{engine_name(model, tenant)}") <= 63
    assert (engine_name(model, tenant) == engine_name(other, another)) is ((model, tenant) == (other, another))


def test_no_name_is_too_long_for_its_engines() -> None:
    assert len(f"engine-{engine_name('m' * NAME_MAX_LENGTH, 't' * NAME_MAX_LENGTH)}") <= 63


# --- behind the cache -------------------------------------------------------------------------------------------


def test_kv3_lets_no_tier_pass_that_tenants_share() -> None:
    tier = {"models.0.engine": {"kv_offload_gibibytes": 8}}

    with pytest.raises(ValueError, match="KV3"):
        kv3.apply(trusted(tier))
    own = kv3.apply(trusted({**tier, "models.0.cache_isolation": "engine_per_tenant"}))
    assert {name.partition("/")[0] for name in kv3.objects(own)} == {"OffloadOfOneTenant"}


def test_the_tier_s_memory_is_counted_in_the_engine_s() -> None:
    changes = {"models.0.engine": {"kv_offload_gibibytes": 8}, "models.0.resources": {"memory": "4Gi"}}

    assert trusted(changes).engines[0].memory == "12288Mi"


def test_kv2_wants_every_engine_behind_a_service() -> None:
    blueprint = trusted()
    row = replace(blueprint.gateway.models[0], base_url="http://a-picker/v1")

    assert kv2.objects(kv2.apply(blueprint)) == ("Service/bulkhead-engines/engine-llama",)
    with pytest.raises(ValueError, match="KV2"):
        kv2.apply(replace(blueprint, gateway=replace(blueprint.gateway, models=(row,))))
