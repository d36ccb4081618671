"""From observations to verdicts, the table and the document."""

import dataclasses
import io
import json

import pytest

from infra.audit.report import PROBED_BY, AuditReport, Verdict, Window, control_reports
from infra.audit.results import Observation, Outcome, Probe
from infra.cli import exit_codes
from infra.cli.audit import exit_code_of
from infra.config.trust import ControlId
from infra.report.audit_json import audit_json
from infra.report.audit_table import print_audit
from tests.unit.audit.stacks import platform

POSTURE = platform("partitioned").posture


def seen(
    outcome: Outcome, *, attack: bool = True, control: ControlId = ControlId.SR2, tenant: str = "research"
) -> Observation:
    return Observation(
        Probe.ADMISSION,
        "a-case",
        control,
        attack,
        tenant,
        "group x",
        "What it is.",
        outcome,
        "admitted",
        "a source",
    )


def report(*found: Observation, probes: tuple[Probe, ...] = tuple(Probe)) -> AuditReport:
    rows = control_reports(POSTURE, found, probes)
    return AuditReport(
        "tests", "partitioned", "context", probes, rows, (Window("a", "out", 12.5, ended=True),), {Probe.ACCESS: 1.0}
    )


def verdict(audit: AuditReport, control: ControlId = ControlId.SR2) -> Verdict:
    return next(row.verdict for row in audit.controls if row.control is control)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([seen(Outcome.HOLDS), seen(Outcome.HOLDS, attack=False)], Verdict.HOLDS),
        ([seen(Outcome.HOLDS), seen(Outcome.FAILS)], Verdict.FAILS),
        ([seen(Outcome.HOLDS), seen(Outcome.FAILS, attack=False)], Verdict.FAILS),
        ([seen(Outcome.HOLDS), seen(Outcome.UNPROVEN)], Verdict.HOLDS),
        ([seen(Outcome.UNPROVEN)], Verdict.UNPROVEN),
        ([seen(Outcome.HOLDS, attack=False)], Verdict.UNPROVEN),
        ([], Verdict.UNPROVEN),
    ],
)
def test_a_control_holds_when_an_attack_was_refused_and_nothing_went_wrong(found: list[Observation], expected: Verdict):
    assert verdict(report(*found)) is expected


def unproven_for(audit: AuditReport, control: ControlId = ControlId.SR2) -> tuple[str, ...]:
    return next(row.unproven_for for row in audit.controls if row.control is control)


@pytest.mark.parametrize("tenant", ["search", ""], ids=["another tenant", "the platform"])
def test_what_was_shown_of_one_tenant_proves_nothing_of_another(tenant: str):
    held, doubtful = seen(Outcome.HOLDS), seen(Outcome.UNPROVEN, tenant=tenant)

    found = report(held, doubtful)

    assert (verdict(found), unproven_for(found)) == (Verdict.UNPROVEN, (tenant,))
    assert found.holds
    assert not found.proven
    shown = report(held, doubtful, seen(Outcome.HOLDS, tenant=tenant))
    assert (verdict(shown), unproven_for(shown)) == (Verdict.HOLDS, ())


def test_no_other_case_stands_for_a_decisive_one():
    decisive = dataclasses.replace(seen(Outcome.UNPROVEN), decisive=True)

    found = report(seen(Outcome.HOLDS), decisive)

    assert (verdict(found), unproven_for(found)) == (Verdict.UNPROVEN, ("research",))
    assert verdict(report(seen(Outcome.HOLDS), dataclasses.replace(decisive, outcome=Outcome.HOLDS))) is Verdict.HOLDS


def test_legitimate_work_of_a_tenant_shows_no_control_of_it():
    found = report(
        seen(Outcome.HOLDS), seen(Outcome.UNPROVEN, tenant="a"), seen(Outcome.HOLDS, attack=False, tenant="a")
    )
    assert unproven_for(found) == ("a",)


def test_an_attack_that_got_through_is_no_doubt_and_others_keep_theirs():
    found = report(seen(Outcome.FAILS), seen(Outcome.UNPROVEN, tenant="search"))
    assert (verdict(found), unproven_for(found)) == (Verdict.FAILS, ("search",))


def test_nobody_is_unproven_where_a_control_is_not_claimed():
    found = report(seen(Outcome.UNPROVEN, control=ControlId.HW3))
    assert unproven_for(found, ControlId.HW3) == ()


def test_the_reports_name_for_whom_nothing_was_shown():
    found = report(seen(Outcome.HOLDS), seen(Outcome.UNPROVEN, tenant="search"), seen(Outcome.UNPROVEN, tenant=""))
    stream = io.StringIO()
    print_audit(found, stream)
    assert "SR2 for the platform, search\n" in stream.getvalue()
    assert "Unproven: " in stream.getvalue()
    document = json.loads(audit_json(found))
    row = next(row for row in document["controls"] if row["id"] == "SR2")
    assert row["unproven_for"] == ["the platform", "search"]
    assert (document["holds"], document["proven"]) == (True, False)


def test_a_control_that_no_wanted_probe_looks_at_is_not_probed():
    assert verdict(report(probes=(Probe.PACKETS,))) is Verdict.NOT_PROBED
    assert verdict(report(), ControlId.AC3) is Verdict.NOT_PROBED


def test_a_control_that_the_stack_does_not_claim_is_not_claimed():
    assert verdict(report(seen(Outcome.NOT_CLAIMED, control=ControlId.HW3)), ControlId.HW3) is Verdict.NOT_CLAIMED


def test_every_control_of_the_catalogue_has_a_row():
    assert [row.control for row in report().controls] == list(ControlId)


def test_the_document_counts_and_quotes_what_went_wrong():
    document = json.loads(audit_json(report(seen(Outcome.HOLDS), seen(Outcome.FAILS))))
    assert document["holds"] is False
    assert (document["attacks_refused"], document["attacks_admitted"]) == (1, 1)
    row = next(row for row in document["controls"] if row["id"] == "SR2")
    assert row["verdict"] == "does not hold"
    assert row["failures"][0]["seen"] == "admitted"
    assert document["new_pod_windows"] == [{"tenant": "a", "direction": "out", "milliseconds": 12.5, "ended": True}]


def test_the_table_says_what_failed_for_whom_and_what_to_do():
    stream = io.StringIO()
    print_audit(report(seen(Outcome.HOLDS), seen(Outcome.FAILS)), stream)
    printed = stream.getvalue()
    for words in ("DOES NOT HOLD", "SR2 does not hold", "a-case (research)", "What it is.", "do: compare", "12 ms"):
        assert words in printed


@pytest.mark.parametrize(
    ("opened", "words"),
    [
        ([(12.5, True), (None, True)], "could reach what it must not for 12 ms at most"),
        ([(12.5, True), (None, True)], "(1 of 2 were seen to)"),
        ([(None, True), (None, True)], "No new pod was seen that could reach what it must not (2 tried)."),
        ([(12.5, True), (6000.0, False)], "could reach what it must not, and no end of it was seen"),
    ],
)
def test_the_table_tells_a_pod_that_was_open_for_a_moment_from_one_that_never_was_and_one_that_stayed_so(
    opened: list[tuple[float | None, bool]], words: str
):
    windows = tuple(Window("a", "out", milliseconds, ended) for milliseconds, ended in opened)
    stream = io.StringIO()
    print_audit(dataclasses.replace(report(), windows=windows), stream)
    assert words in stream.getvalue()


def test_where_no_claimed_control_was_judged_nothing_was_tried():
    nothing = report(probes=())
    stream = io.StringIO()
    print_audit(nothing, stream)
    assert "Nothing was tried" in stream.getvalue()
    assert "Holds" not in stream.getvalue()
    assert exit_code_of(nothing) == exit_codes.FAILED


def test_an_audit_that_could_not_try_a_claimed_control_is_not_a_sound_one():
    claimed = [control for control in POSTURE.in_force if PROBED_BY.get(control, frozenset()) & {Probe.ADMISSION}]
    shown = [seen(Outcome.HOLDS, control=control) for control in claimed]
    assert exit_code_of(report(*shown, probes=(Probe.ADMISSION,))) == exit_codes.SOUND
    assert exit_code_of(report(*shown[1:], probes=(Probe.ADMISSION,))) == exit_codes.FAILED
    assert exit_code_of(report(seen(Outcome.FAILS))) == exit_codes.UNSOUND
