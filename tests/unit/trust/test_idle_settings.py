"""Settings that change nothing are told, as waivers that waive nothing are."""

from typing import Any

import pytest

from infra.config.trust import ControlId
from infra.trust.posture import Finding
from tests.unit.trust.stacks import document, posture_of


def idle(**trust: Any) -> list[Finding]:
    return [finding for finding in posture_of(document(trust=trust)).warnings if "changes nothing" in finding.message]


def test_a_control_that_the_tier_enforces_anyway_is_told_where_it_stands() -> None:
    (finding,) = idle(tier="governed", enable=["NS1", "SR1"])

    assert (finding.control, finding.path) == (ControlId.SR1, "bulkhead:trust.enable[1]")


def test_controls_above_the_tier_are_not_told() -> None:
    assert idle(tier="trusted", enable=["SR1", "NS1"]) == []


@pytest.mark.parametrize(
    ("trust", "told"),
    [({"tier": "trusted"}, True), ({"tier": "governed"}, False), ({"tier": "trusted", "enable": ["SR2"]}, False)],
)
def test_an_audit_of_policies_that_are_not_there_is_told(trust: dict[str, Any], told: bool) -> None:
    found = idle(**trust, admission={"enforcement": "audit"})

    assert [finding.path for finding in found] == (["bulkhead:trust.admission.enforcement"] if told else [])
