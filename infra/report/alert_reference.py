"""The page of alerts, which is also their runbook."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from infra.report.markdown import code, page, table

LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")
VALUES = {
    "{{ $value | humanizePercentage }}": "x %",
    "{{ $value | humanizeDuration }}": "so long",
    "{{ $value }}": "n",
}


@dataclass(frozen=True)
class AlertEntry:
    """An alert as the page shows it; `minutes` is how long its expression must hold."""

    name: str
    severity: str
    expression: str
    minutes: int
    summary: str
    action: str


def alert_reference(alerts: Iterable[AlertEntry]) -> str:
    """The page, as Markdown."""
    entries = list(alerts)
    return page(
        "Alerts",
        "What wakes an operator of a stack with `bulkhead:observability: {kind: prometheus}`, and what to do."
        " `critical`: now, tenants get no answers or spend is not counted; `warning`: this working day. Those about a"
        " cache or Kyverno exist only where the platform has one.",
        table(
            ["alert", "severity", "means"],
            ([f"[{entry.name}](#{entry.name.lower()})", entry.severity, _plain(entry.summary)] for entry in entries),
        ),
        *(block for entry in entries for block in _section(entry)),
    )


def _section(entry: AlertEntry) -> Iterable[str]:
    yield f"## {entry.name}"
    yield f"{entry.severity.capitalize()}, after {entry.minutes} minutes: {_plain(entry.summary)}."
    yield f"**Do**: {entry.action}"
    yield f"Fires for each series of {code(entry.expression)}."


def _plain(summary: str) -> str:
    """Prometheus' templates as a reader understands them: `{{ $labels.model }}` is *model*."""
    words = LABEL.sub(r"*\1*", summary)
    for template, said in VALUES.items():
        words = words.replace(template, said)
    return words
