"""A deployed tier is lowered with a written reason only, and what goes with it is said."""

from typing import Any

import pytest

from infra.config.trust import ControlId, Tier
from infra.report.posture_json import posture_document
from infra.trust.lowering import DeployedPosture, deployed_posture, with_lowering
from infra.trust.posture import Finding
from tests.unit.trust.stacks import Document, config_of, document, posture_of

REASON = "The other team has left"


def found(deployed: Document, now: Document) -> tuple[Finding, ...]:
    """What is said of a lowering where the stack file's `trust` was one thing and is another."""
    parts = document(trust=now)
    posture = posture_of(parts)
    last = deployed_posture(posture_document(posture_of(document(trust=deployed))))
    said = with_lowering(posture, config_of(parts).trust.allow_lowering, last)
    return said.findings[len(posture.findings) :]


def permission(from_tier: str) -> Document:
    return {"from_tier": from_tier, "reason": REASON}


@pytest.mark.parametrize("lower", [tier for tier in Tier if tier is not Tier.ADVERSARIAL])
@pytest.mark.parametrize("higher", list(Tier))
def test_a_lower_tier_than_the_deployed_one_is_refused_and_any_other_passes(higher: Tier, lower: Tier) -> None:
    said = found({"tier": str(higher)}, {"tier": str(lower)})

    assert [str(finding.severity) for finding in said] == (["error"] if lower.rank < higher.rank else [])


def test_the_refusal_names_what_goes_what_is_at_risk_and_what_to_write() -> None:
    (refusal,) = found({"tier": "governed"}, {"tier": "trusted"})

    assert refusal.path == "bulkhead:trust.tier"
    assert "SR1 (" in refusal.message
    assert "At risk: " in refusal.message
    assert "bulkhead:trust.allow_lowering: {from_tier: governed, reason: ...}" in refusal.message


def test_with_a_permission_for_the_deployed_tier_it_is_a_warning_with_the_reason() -> None:
    (warning,) = found({"tier": "partitioned"}, {"tier": "trusted", "allow_lowering": permission("partitioned")})

    assert str(warning.severity) == "warning"
    assert REASON in warning.message
    assert "NS1 (" in warning.message


def test_a_permission_for_another_tier_than_the_deployed_one_permits_nothing() -> None:
    refusal, useless = found({"tier": "partitioned"}, {"tier": "trusted", "allow_lowering": permission("governed")})

    assert (str(refusal.severity), str(useless.severity)) == ("error", "warning")


def test_a_permission_that_has_done_its_work_is_to_be_removed() -> None:
    (warning,) = found({"tier": "trusted"}, {"tier": "trusted", "allow_lowering": permission("governed")})

    assert (str(warning.severity), warning.path) == ("warning", "bulkhead:trust.allow_lowering")
    assert "Remove it" in warning.message


def test_a_control_that_is_no_longer_switched_on_is_a_warning() -> None:
    (warning,) = found({"tier": "trusted", "enable": ["SR1"]}, {"tier": "trusted"})

    assert str(warning.severity) == "warning"
    assert "SR1 (" in warning.message


def test_without_a_deployment_nothing_is_lowered() -> None:
    posture = posture_of(document())

    assert with_lowering(posture, None, deployed_posture(None)) == posture


def test_controls_that_this_version_does_not_know_do_not_hide_the_tier() -> None:
    rows = [{"id": "XX9", "state": "enforced"}, {"id": "SR1", "state": "unheard-of"}, {"id": "SR2", "state": "added"}]

    assert deployed_posture({"tier": "partitioned", "controls": rows}) == DeployedPosture(
        Tier.PARTITIONED, frozenset({ControlId.SR2})
    )


@pytest.mark.parametrize("output", [{}, {"tier": "unheard-of", "controls": []}, "posture", []])
def test_a_deployed_posture_that_cannot_be_read_is_no_permission(output: Any) -> None:
    with pytest.raises(ValueError, match="the output `posture`"):
        deployed_posture(output)
