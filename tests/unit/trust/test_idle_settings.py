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


ACCOUNT = "system:serviceaccount:kuberay-system:kuberay-operator"
PROVIDER = {"name": "example-ai", "networks": ["203.0.113.0/24"]}
UNREAD: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"admission": {"exempt_namespaces": ["dcgm"]}}, {}, "trust.admission.exempt_namespaces", "SR2"),
    ({"admission": {"controllers": [ACCOUNT]}}, {}, "trust.admission.controllers", "SR2"),
    ({"admission": {"priority_classes": ["batch"]}}, {}, "trust.admission.priority_classes", "HW3"),
    ({"admission": {"runtime_classes": ["kata"]}}, {}, "trust.admission.runtime_classes", "HW3"),
    ({}, {"external_providers": [PROVIDER]}, "gateway.external_providers", "SR1"),
]


@pytest.mark.parametrize(("trust", "gateway", "key", "control"), UNREAD)
def test_a_setting_that_a_sleeping_control_reads_is_told_until_it_is_asked_for(
    trust: dict[str, Any], gateway: dict[str, Any], key: str, control: str
) -> None:
    def told(**more: Any) -> list[Finding]:
        parts = {**document(trust={"tier": "trusted", **trust, **more}), "gateway": gateway}
        return [finding for finding in posture_of(parts).warnings if "changes nothing" in finding.message]

    (finding,) = told()

    assert finding.path == f"bulkhead:{key}"
    assert control in finding.message
    assert told(enable=[control]) == []


def test_defaults_and_empty_lists_are_not_told() -> None:
    assert idle(tier="trusted", admission={"controllers": []}) == []
