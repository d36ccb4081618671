"""Waivers: who takes a risk, until when, and that none stays unseen."""

import datetime

import pytest

from infra.report.posture_json import posture_json
from tests.unit.trust.stacks import Document, document, findings, posture_of, states, tenant, waiver

SHARING = ["SR1", "SR2", "SR3"]


def shared(*waivers: Document, **trust: object) -> Document:
    return document(trust={"waivers": list(waivers), **trust}, tenants=[tenant("one", "small"), tenant("two", "small")])


def test_waived_controls_do_not_stop_a_deployment():
    posture = posture_of(shared(*(waiver(control) for control in SHARING)))
    assert posture.sound
    assert [states(posture)[control] for control in SHARING] == ["waived"] * 3


def test_a_waiver_counts_for_its_own_control_only():
    posture = posture_of(shared(waiver("SR1")))
    assert [finding.control for finding in posture.errors] == ["SR2", "SR3"]


def test_a_waiver_is_shown_as_a_warning_with_owner_reason_and_expiry():
    posture = posture_of(shared(waiver("SR1", "2026-12-31", "ops@example.com", "until the pilot ends.")))
    (finding,) = findings(posture, "SR1")
    assert (finding.severity, finding.path) == ("warning", "bulkhead:trust.waivers[0]")
    for part in (
        "ops@example.com",
        "until the pilot ends. At risk",
        "2026-12-31",
        "calls the engines",
    ):
        assert part in finding.message
    assert finding.due == "213 days from now"


@pytest.mark.parametrize(("days", "loud"), [(1, True), (14, True), (15, False)])
def test_a_waiver_near_its_end_is_louder(days: int, loud: bool):
    today = datetime.date(2026, 12, 31) - datetime.timedelta(days=days)
    (finding,) = findings(posture_of(shared(waiver("SR1", "2026-12-31")), today=today), "SR1")
    assert finding.due.startswith(f"EXPIRES IN {days} DAY") == loud


def test_what_a_document_holds_of_a_waiver_is_the_same_on_every_day():
    parts = shared(waiver("SR1", "2026-12-31"))
    days = [datetime.date(2026, 12, 31) - datetime.timedelta(days=left) for left in (100, 14, 1)]
    assert len({posture_json(posture_of(parts, today=day)) for day in days}) == 1


def test_a_waiver_no_longer_counts_from_the_day_on_which_it_expires():
    parts = shared(waiver("SR1", "2026-12-31"))
    assert states(posture_of(parts, today=datetime.date(2026, 12, 30)))["SR1"] == "waived"
    expired = posture_of(parts, today=datetime.date(2026, 12, 31))
    assert states(expired)["SR1"] == "dormant"
    error, warning = findings(expired, "SR1")
    assert "its waiver expired on 2026-12-31" in error.message
    assert "expired on 2026-12-31 and no longer counts" in warning.message


def test_a_waiver_of_something_not_required_is_a_warning():
    posture = posture_of(document(trust={"waivers": [waiver("KV1")]}))
    (finding,) = posture.findings
    assert (finding.severity, finding.control, finding.path) == ("warning", "KV1", "bulkhead:trust.waivers[0]")
    assert "KV1 is not required here" in finding.message
    assert states(posture)["KV1"] == "dormant"


@pytest.mark.parametrize(
    ("trust", "state"), [({"tier": "governed"}, "enforced"), ({"enable": SHARING}, "added")], ids=["tier", "enable"]
)
def test_a_waiver_of_a_control_in_force_is_a_warning_and_the_control_acts(trust: Document, state: str):
    posture = posture_of(shared(waiver("SR1"), **trust))
    (finding,) = posture.findings
    assert finding.severity == "warning"
    assert "waives nothing" in finding.message
    assert states(posture)["SR1"] == state


def test_an_expired_waiver_of_a_control_in_force_says_which_of_the_two_is_to_go():
    (finding,) = posture_of(shared(waiver("SR1", "2026-01-01"), tier="governed")).findings
    assert finding.message.endswith("no longer counts, and tier governed enforces it. Remove the waiver.")


def test_of_two_waivers_for_one_control_the_first_counts_and_the_second_is_pointed_out():
    posture = posture_of(shared(*(waiver(control) for control in SHARING), waiver("SR1", owner="somebody@example.com")))
    first, second = findings(posture, "SR1")
    assert posture.sound
    assert "ops@example.com" in first.message
    assert second.path == "bulkhead:trust.waivers[3]"
    assert "more than once" in second.message


def test_an_expired_waiver_does_not_hide_a_live_one():
    posture = posture_of(shared(waiver("SR1", "2026-01-01"), waiver("SR1", "2026-12-31")))
    assert states(posture)["SR1"] == "waived"
