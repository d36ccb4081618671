"""Endpoint pickers: what becomes of them from tier to tier."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given

from infra.blueprint.caches import served_by
from infra.blueprint.model import Blueprint, EndpointPickerPart, EnginePart
from infra.blueprint.names import GATEWAY_NAMESPACE
from infra.blueprint.network import NetworkPolicyPart, PodsPeer
from infra.config.models import EndpointPickerRouting
from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.controls import kv2_no_prefix_co_location as kv2
from infra.posture import platform_of
from infra.trust.posture import Finding
from tests.strategies import TODAY, configurations
from tests.unit.blueprint.isolated import blueprint_with
from tests.unit.config.documents import sound

PLAIN = {"models.0.routing": {"kind": "endpoint_picker"}}
PICKED = {"models.0.routing": {"kind": "endpoint_picker", "network_encrypts": True}}
SEPARATE = {"models.0.cache_isolation": "engine_per_tenant"}


def picked(tier: str, *enable: str, **changes: Any) -> tuple[Blueprint, list[EnginePart]]:
    blueprint = blueprint_with(tier, *enable, changes={**PICKED, **changes})
    return blueprint, [engine for engine in blueprint.engines if engine.picker]


def pickers(tier: str, *enable: str, **changes: Any) -> list[EndpointPickerPart]:
    return [engine.picker for engine in picked(tier, *enable, **changes)[1] if engine.picker]


def test_no_model_is_picked_for_unless_it_asks() -> None:
    assert all(engine.picker is None for engine in blueprint_with("adversarial").engines)


def test_among_tenants_who_trust_each_other_prefixes_count_and_any_engine_will_do() -> None:
    (picker,) = pickers("trusted")

    assert (picker.scores_prefixes, picker.fails_closed) == (True, False)


@pytest.mark.parametrize("tier", ["governed", "partitioned"])
def test_above_trusted_no_request_goes_on_without_the_picker(tier: str) -> None:
    (picker,) = pickers(tier)

    assert (picker.scores_prefixes, picker.fails_closed) == (True, True)


def test_where_tenants_attack_each_other_a_picker_of_several_reads_no_prompt() -> None:
    (picker,) = pickers("adversarial")

    assert (picker.scores_prefixes, picker.fails_closed) == (False, True)


def test_among_the_engines_of_one_tenant_prefixes_go_on_counting() -> None:
    blueprint, engines = picked("adversarial", **SEPARATE)

    assert {engine.tenant for engine in engines} == {"research", "search"}
    assert all(engine.picker and engine.picker.scores_prefixes for engine in engines)
    assert all(name.startswith("PickerOfOneTenant/") for name in kv2.objects(blueprint) if "picker-" in name)


def test_switched_on_alone_the_control_closes_the_picker_too() -> None:
    (picker,) = pickers("trusted", "KV2")

    assert (picker.scores_prefixes, picker.fails_closed) == (False, True)


def test_the_gateway_reaches_picked_engines_through_their_data_plane_alone() -> None:
    blueprint, (engine,) = picked("governed")
    (row,) = (row for row in blueprint.gateway.models if row.engine == engine.name)

    assert row.base_url == engine.base_url
    assert engine.data_plane_name in row.base_url


def policy(blueprint: Blueprint, name: str) -> NetworkPolicyPart:
    (found,) = (one for one in blueprint.network_policies if one.name == name)
    return found


def reached(part: NetworkPolicyPart, direction: str) -> set[tuple[str, tuple[int, ...]]]:
    """Who is on the other side, by the last of its labels, and on which ports."""
    rules = getattr(part, direction) or ()
    return {
        ("".join(list(peer.labels.values())[-1:]) or peer.namespace, tuple(port.number for port in rule.ports))
        for rule in rules
        for peer in rule.peers or ()
        if isinstance(peer, PodsPeer)
    }


def test_the_network_opens_each_step_of_a_picked_request_and_no_more() -> None:
    blueprint, (engine,) = picked("governed")
    data_plane, picker = engine.data_plane_name, engine.picker_name

    assert reached(policy(blueprint, data_plane), "ingress") == {("gateway", (8080,))}
    assert {(engine.name, (8000,)), (engine.name, (9002,)), ("istio-system", ())} <= reached(
        policy(blueprint, data_plane), "egress"
    )
    assert reached(policy(blueprint, picker), "ingress") == {(data_plane, (9002,))}
    assert (engine.name, (8000,)) in reached(policy(blueprint, picker), "egress")
    assert reached(policy(blueprint, f"{engine.service_name}-picked"), "ingress") == {
        (data_plane, (8000,)),
        (engine.name, (8000,)),
    }
    gateway = next(
        one for one in blueprint.network_policies if (one.namespace, one.name) == (GATEWAY_NAMESPACE, "gateway")
    )
    assert (data_plane, (8080,)) in reached(gateway, "egress")


def test_a_request_past_service_and_picker_is_a_bug_that_is_seen() -> None:
    blueprint, _ = picked("governed")
    rows = tuple(dataclasses.replace(row, base_url="http://elsewhere/v1") for row in blueprint.gateway.models)
    broken = dataclasses.replace(blueprint, gateway=dataclasses.replace(blueprint.gateway, models=rows))

    with pytest.raises(ValueError, match="neither a Service nor a picker"):
        kv2.apply(broken)


ROUTING = EndpointPickerRouting(kind="endpoint_picker", network_encrypts=True)


@given(config=configurations())
def test_whatever_is_configured_no_picker_of_several_tenants_reads_prompts_under_the_control(
    config: StackConfig,
) -> None:
    models = tuple(model.model_copy(update={"routing": ROUTING}) for model in config.models)
    platform = platform_of("test", config.model_copy(update={"models": models}), TODAY)
    in_force = platform.posture.in_force
    blueprint = platform.blueprint

    for engine in blueprint.engines:
        assert engine.picker is not None
        if ControlId.KV2 in in_force:
            alone = len(served_by(blueprint, engine)) <= 1
            assert (engine.picker.scores_prefixes, engine.picker.fails_closed) == (alone, True)
        else:
            assert (engine.picker.scores_prefixes, engine.picker.fails_closed) == (True, ControlId.SR1 in in_force)


def clear_text(changes: dict[str, Any]) -> list[Finding]:
    warnings = platform_of("test", sound(changes), TODAY).posture.warnings
    return [each for each in warnings if "in clear text" in each.message]


def test_what_a_data_plane_carries_is_not_encrypted_and_the_posture_says_so() -> None:
    (warning,) = clear_text({**PLAIN, "gateway.engine_traffic": "mutual_tls"})

    assert warning.path == "bulkhead:models[0].routing"
    assert "write routing.network_encrypts: true" in warning.message
    assert not clear_text(PLAIN)
    assert not clear_text({**PICKED, "gateway.engine_traffic": "mutual_tls"})


def test_under_kv1_the_posture_tells_who_encrypts_what() -> None:
    config = sound({**PICKED, "trust": {"tier": "adversarial", "tenants": "untrusted"}})
    platform = platform_of("test", config, TODAY)
    (row,) = platform.blueprint.gateway.models
    (engine,) = picked("adversarial")[1]

    assert (row.door, row.base_url) == (None, engine.base_url)
    assert f"EncryptedByNetwork/{engine.name}" in platform.posture.of(ControlId.KV1).objects
    assert not [name for name in platform.posture.of(ControlId.KV1).objects if name.startswith("MutualTls/")]
