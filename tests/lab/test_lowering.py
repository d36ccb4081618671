"""A tier is lowered on the lab: refused without a reason, warned of with one, and no request or key is lost by it."""

import json

import pytest

from tests.lab.load import Ending
from tests.lab.lowered import LoweredPlatform
from tests.lab.platform import TENANT

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1500)]


def test_a_lower_tier_is_refused_without_a_reason_and_nothing_changes(lowered: LoweredPlatform) -> None:
    said = lowered.refused.stdout + lowered.refused.stderr

    assert lowered.refused.status != 0
    assert f"Tier {lowered.tier} is deployed and the stack file says trusted" in said
    assert "allow_lowering" in said
    assert "Traceback" not in said


def test_with_a_reason_the_preview_warns_of_what_goes(lowered: LoweredPlatform) -> None:
    said = lowered.warned.stdout + lowered.warned.stderr

    assert lowered.warned.status == 0, said
    assert f"The tier goes down from {lowered.tier} to trusted" in said
    assert "NS4 (" in said


def test_the_model_answered_before_while_and_after_the_tier_was_lowered(lowered: LoweredPlatform) -> None:
    report = lowered.lowered

    assert report.failure == ""
    assert len(report.answered) > 2
    assert [outcome for outcome in report.outcomes if outcome.ending is not Ending.COMPLETE] == []


def test_keys_stay_and_the_tenants_namespaces_and_policies_are_gone(lowered: LoweredPlatform) -> None:
    before, after = lowered.keys
    kubectl = lowered.partitioned.kubectl
    namespaces = kubectl.run("get", "namespaces", "--output=name")
    policies = json.loads(kubectl.run("get", "validatingadmissionpolicies", "--output=json"))["items"]

    assert before == after
    assert f"namespace/{lowered.partitioned.namespace(TENANT)}" not in namespaces.split()
    assert [policy["metadata"]["name"] for policy in policies if "bulkhead" in policy["metadata"]["name"]] == []
