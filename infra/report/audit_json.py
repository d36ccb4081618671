"""An audit as one JSON document, for programs and pull requests."""

import json
from typing import TypedDict

from infra.audit.report import AuditReport, ControlReport, Window
from infra.audit.results import PLATFORM, Observation, Outcome


class CaseDocument(TypedDict):
    """One case; see `Observation` for what each field means. `expected` is `refused` or `allowed`."""

    probe: str
    case: str
    tenant: str
    identity: str
    about: str
    expected: str
    outcome: str
    seen: str
    source: str


class HeldDocument(TypedDict):
    """One case that said that its control holds."""

    probe: str
    case: str
    tenant: str
    identity: str


class AuditedControlDocument(TypedDict):
    """One control; `verdict` is `holds`, `does not hold`, `unproven`, `not claimed` or `not probed`.

    `unproven_for` names the tenants for whom nothing was shown of it, and is empty of other controls than claimed ones;
    `the platform` stands for pods that are no tenant's.
    """

    id: str
    title: str
    verdict: str
    unproven_for: list[str]
    held: list[HeldDocument]
    failures: list[CaseDocument]
    unproven: list[CaseDocument]
    not_there: list[CaseDocument]
    not_claimed: list[CaseDocument]


class WindowDocument(TypedDict):
    """How long a new pod was open; see `Window`."""

    tenant: str
    direction: str
    milliseconds: float | None
    ended: bool


class AuditDocument(TypedDict):
    """An audit; controls in the catalogue's order. `attacks_admitted` and `work_refused` count judged cases only.

    `holds` says that nothing was seen not to hold, `proven` that something was shown of each claimed control for each
    tenant; the command exits with 0 where both are true.
    """

    stack: str
    tier: str
    context: str
    probes: list[str]
    holds: bool
    proven: bool
    attacks_refused: int
    attacks_admitted: int
    work_passed: int
    work_refused: int
    controls: list[AuditedControlDocument]
    new_pod_windows: list[WindowDocument]
    seconds: dict[str, float]


def audit_document(report: AuditReport) -> AuditDocument:
    """`report` as plain lists, dictionaries and strings."""
    return {
        "stack": report.stack,
        "tier": report.tier,
        "context": report.context,
        "probes": [str(probe) for probe in report.probes],
        "holds": report.holds,
        "proven": report.proven,
        "attacks_refused": report.count(attack=True, outcome=Outcome.HOLDS),
        "attacks_admitted": report.count(attack=True, outcome=Outcome.FAILS),
        "work_passed": report.count(attack=False, outcome=Outcome.HOLDS),
        "work_refused": report.count(attack=False, outcome=Outcome.FAILS),
        "controls": [_control(row) for row in report.controls],
        "new_pod_windows": [_window(window) for window in report.windows],
        "seconds": {str(probe): seconds for probe, seconds in report.seconds.items()},
    }


def audit_json(report: AuditReport) -> str:
    """`report` as JSON text in ASCII; no final line break."""
    return json.dumps(audit_document(report), indent=2)


def _control(row: ControlReport) -> AuditedControlDocument:
    return {
        "id": str(row.control),
        "title": row.title,
        "verdict": str(row.verdict),
        "unproven_for": [tenant or PLATFORM for tenant in row.unproven_for],
        "held": [_held(one) for one in row.of(Outcome.HOLDS)],
        "failures": [_case(one) for one in row.of(Outcome.FAILS)],
        "unproven": [_case(one) for one in row.of(Outcome.UNPROVEN)],
        "not_there": [_case(one) for one in row.of(Outcome.NOT_THERE)],
        "not_claimed": [_case(one) for one in row.of(Outcome.NOT_CLAIMED)],
    }


def _held(one: Observation) -> HeldDocument:
    return {"probe": str(one.probe), "case": one.case, "tenant": one.tenant, "identity": one.identity}


def _case(one: Observation) -> CaseDocument:
    return {
        "probe": str(one.probe),
        "case": one.case,
        "tenant": one.tenant,
        "identity": one.identity,
        "about": one.about,
        "expected": "refused" if one.attack else "allowed",
        "outcome": str(one.outcome),
        "seen": one.seen,
        "source": one.source,
    }


def _window(window: Window) -> WindowDocument:
    return {
        "tenant": window.tenant,
        "direction": window.direction,
        "milliseconds": window.milliseconds,
        "ended": window.ended,
    }
