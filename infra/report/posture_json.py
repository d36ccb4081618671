"""A posture as one JSON document, for programs and pull requests."""

import json
from typing import TypedDict

from infra.trust.posture import Finding, Posture


class ControlDocument(TypedDict):
    """One control's state; see `ControlPosture` for what each field means."""

    id: str
    title: str
    state: str
    because: str
    required_by: list[str]
    mechanism: str
    objects: list[str]


class FindingDocument(TypedDict):
    """One finding; `severity` is `error` or `warning`."""

    severity: str
    control: str | None
    path: str
    message: str


class PostureDocument(TypedDict):
    """A posture; controls in the catalogue's order, errors before warnings."""

    stack: str
    tier: str
    tenants: str
    controls: list[ControlDocument]
    findings: list[FindingDocument]


def posture_document(posture: Posture) -> PostureDocument:
    """`posture` as plain lists, dictionaries and strings."""
    return {
        "stack": posture.stack,
        "tier": str(posture.tier),
        "tenants": str(posture.tenants),
        "controls": [
            {
                "id": str(row.control.id),
                "title": row.control.title,
                "state": str(row.state),
                "because": row.because,
                "required_by": list(row.required_by),
                "mechanism": row.control.mechanism,
                "objects": list(row.objects),
            }
            for row in posture.controls
        ],
        "findings": [finding_document(finding) for finding in posture.findings],
    }


def finding_document(finding: Finding) -> FindingDocument:
    """`finding` as a plain dictionary."""
    return {
        "severity": str(finding.severity),
        "control": str(finding.control) if finding.control else None,
        "path": finding.path,
        "message": finding.message,
    }


def posture_json(posture: Posture) -> str:
    """`posture` as JSON text in ASCII, which every terminal, pipe and locale carries unchanged; no final line break."""
    return json.dumps(posture_document(posture), indent=2)
