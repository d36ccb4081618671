"""What each tier enforces, what it leaves missing, and that hardening never takes anything away."""

import dataclasses

import pytest

from infra.config.trust import ControlId, Tier
from infra.controls.catalogue import CONTROLS
from infra.trust.resolver import resolve
from tests.unit.trust.stacks import (
    EVERY_CONTROL,
    TODAY,
    Document,
    config_of,
    document,
    findings,
    model,
    pool,
    posture_of,
    states,
    tenant,
)

BY_TIER = {
    "trusted": ["AC1", "AC2", "AC3"],
    "governed": ["SR1", "SR2", "SR3"],
    "partitioned": ["NS1", "NS2", "NS3", "NS4"],
    "adversarial": ["KV1", "KV2", "KV3", "HW1", "HW2", "HW3"],
}
NEEDED = {"cooperative": "governed", "distrusting": "partitioned", "untrusted": "adversarial"}
"""The lowest tier that is sound for two tenants who share GPUs."""


def up_to(tier: str) -> list[str]:
    return [control for lower in list(BY_TIER)[: list(BY_TIER).index(tier) + 1] for control in BY_TIER[lower]]


def sharing(trust: Document) -> Document:
    return document(
        trust=trust,
        pools=[pool("l4")],
        models=[model("m", "l4")],
        tenants=[tenant("one", "m"), tenant("two", "m")],
    )


@pytest.mark.parametrize("tier", BY_TIER)
def test_a_tier_enforces_its_controls_and_those_of_every_tier_below(tier: str):
    found = states(posture_of(document(trust={"tier": tier})))
    assert [control for control, state in found.items() if state == "enforced"] == up_to(tier)
    assert {state for control, state in found.items() if control not in up_to(tier)} <= {"dormant"}


@pytest.mark.parametrize("relation", NEEDED)
@pytest.mark.parametrize("tier", BY_TIER)
def test_tenants_who_share_gpus_are_sound_from_the_tier_that_their_relation_needs(tier: str, relation: str):
    posture = posture_of(sharing({"tier": tier, "tenants": relation}))
    needed = up_to(NEEDED[relation])
    missing = [control for control in needed if control not in up_to(tier)]
    assert [finding.control for finding in posture.errors] == missing
    assert posture.sound == (Tier(tier).rank >= Tier(NEEDED[relation]).rank)


def test_a_missing_control_names_the_trigger_the_tier_the_risk_and_every_way_out():
    (finding,) = findings(posture_of(sharing({"tier": "trusted", "tenants": "cooperative"})), "SR1")
    assert finding.severity == "error"
    assert finding.path == "bulkhead:trust.tier"
    for part in (
        "2 tenants share the cluster (one, two)",
        "bulkhead:trust.tier: governed",
        "bulkhead:trust.enable",
        "bulkhead:trust.waivers",
        "At risk: any pod of the cluster calls the engines directly",
    ):
        assert part in finding.message


def test_a_control_with_two_triggers_is_one_error_that_names_both():
    parts = sharing({})
    parts["pools"] = [pool("l4"), pool("t4", "nvidia-tesla-t4")]
    (finding,) = findings(posture_of(parts), "SR2")
    assert "2 tenants share the cluster" in finding.message
    assert "the cluster has 2 GPU flavours (nvidia-l4/whole, nvidia-tesla-t4/whole)" in finding.message


def test_a_control_can_be_switched_on_above_the_tier():
    posture = posture_of(sharing({"enable": ["SR1", "SR2", "SR3", "KV1"]}))
    assert posture.sound
    assert states(posture)["SR1"] == states(posture)["KV1"] == "added"
    assert posture.in_force == {"AC1", "AC2", "AC3", "SR1", "SR2", "SR3", "KV1"}


def test_a_control_that_the_tier_enforces_is_not_added():
    assert states(posture_of(document(trust={"tier": "governed", "enable": ["SR1"]})))["SR1"] == "enforced"


@pytest.mark.parametrize("control", ["SR1", "NS4"])
@pytest.mark.parametrize("trust", [{"tier": "partitioned"}, {"enable": ["SR1", "NS4"]}], ids=["tier", "enable"])
def test_network_controls_need_a_cluster_that_enforces_them(trust: Document, control: str):
    posture = posture_of(document(trust=trust, enforces_network_policy=False))
    (finding,) = findings(posture, control)
    assert finding.severity == "error"
    assert finding.path == "bulkhead:cluster.enforces_network_policy"
    assert "stored and ignored" in finding.message
    assert not findings(posture_of(document(trust=trust, enforces_network_policy=True)), control)


def test_a_cluster_without_network_policy_is_fine_while_nothing_rests_on_it():
    assert posture_of(document(enforces_network_policy=False)).sound


@pytest.mark.parametrize(
    ("trust", "path", "instead"),
    [
        ({"tier": "governed"}, "bulkhead:trust.tier", "lower bulkhead:trust.tier below governed"),
        ({"enable": ["SR1"]}, "bulkhead:trust.enable", "remove SR1 from bulkhead:trust.enable"),
    ],
    ids=["tier", "enable"],
)
def test_a_control_that_cannot_be_realised_yet_is_an_error_and_stays_dormant(trust: Document, path: str, instead: str):
    posture = posture_of(document(trust=trust), available=EVERY_CONTROL - {ControlId.SR1})
    (finding,) = posture.errors
    assert (finding.control, finding.path) == ("SR1", path)
    assert "not available yet" in finding.message
    assert instead in finding.message
    assert states(posture)["SR1"] == "dormant"


def test_a_missing_control_that_cannot_be_realised_yet_is_to_be_waived():
    posture = posture_of(sharing({}), available=EVERY_CONTROL - {ControlId.SR1})
    (finding,) = findings(posture, "SR1")
    assert "Write: waive SR1" in finding.message
    assert "it is not available yet" in finding.message


@pytest.mark.parametrize(
    ("trust", "path"),
    [(None, "config"), ({}, "bulkhead:trust"), ({"tier": "trusted"}, "bulkhead:trust.tier")],
    ids=["without trust", "without tier", "with tier"],
)
def test_a_finding_names_the_nearest_key_that_is_there_and_its_message_the_key_to_write(
    trust: Document | None, path: str
):
    parts = sharing(trust or {})
    if trust is None:
        del parts["trust"]
    assert {finding.path for finding in posture_of(parts).errors} == {path}
    assert all("bulkhead:trust.tier: governed" in finding.message for finding in posture_of(parts).errors)


def test_a_catalogue_that_lacks_a_control_is_a_bug():
    config = config_of(document())
    with pytest.raises(ValueError, match="every control exactly once"):
        resolve("test", config, CONTROLS[1:], TODAY, EVERY_CONTROL)
    with pytest.raises(ValueError, match="every control exactly once"):
        resolve("test", config, (*CONTROLS, CONTROLS[0]), TODAY, EVERY_CONTROL)


def test_a_posture_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        posture_of(document()).stack = "other"  # type: ignore[misc]
