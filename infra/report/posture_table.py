"""A posture as a table that a person reads at a glance."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.report.tables import plain_console, plain_table, print_table
from infra.report.text import printable
from infra.trust.posture import ControlPosture, ControlState, Finding, Posture, Severity

_STATE_STYLES = {
    ControlState.ENFORCED: "green",
    ControlState.ADDED: "cyan",
    ControlState.WAIVED: "yellow",
    ControlState.DORMANT: "dim",
}
_MISSING_STYLE = "bold red"
_MISSING = "missing"
"""How a person reads a dormant control that the facts require; the JSON says `dormant` and an error."""
_UNMET = "unmet"
"""How a person reads a control that would be in force and that an error says something speaks against."""
_REFUSED = (_MISSING, _UNMET)
_SEVERITY_STYLES = {Severity.ERROR: _MISSING_STYLE, Severity.WARNING: "yellow"}


def print_posture(posture: Posture, stream: TextIO) -> None:
    """Print `posture` on `stream`: coloured with a ruled heading on a terminal, plain ASCII layout elsewhere.

    The facts that require controls stand once each below the table, by number: one fact often requires many controls.
    """
    console = plain_console(stream)
    console.print(
        Text(printable(f"Stack {posture.stack}: tier {posture.tier}, tenants {posture.tenants}"), style="bold")
    )
    console.print()
    facts = _facts(posture)
    print_table(console, _table(posture, facts, console))
    console.print()
    if facts:
        console.print(Text("Facts that require controls:"))
    for fact, number in facts.items():
        console.print(Text(printable(f"{number:>2}  {fact}")))
    for finding in posture.findings:
        console.print(_finding(finding))
    if facts or posture.findings:
        console.print()
    console.print(_verdict(posture))


def _facts(posture: Posture) -> dict[str, int]:
    """Each fact that requires a control → its number, from 1, in the order in which the controls name them."""
    facts = dict.fromkeys(trigger for row in posture.controls for trigger in row.required_by)
    return {fact: number for number, fact in enumerate(facts, start=1)}


def _table(posture: Posture, facts: Mapping[str, int], console: Console) -> Table:
    table = plain_table(console)
    table.add_column("State", no_wrap=True, min_width=max(len(state) for state in ControlState))
    table.add_column("Id", no_wrap=True, min_width=max(len(row.control.id) for row in posture.controls))
    table.add_column("Control", overflow="fold")
    table.add_column("Why", overflow="fold")
    table.add_column("Facts", overflow="fold", max_width=len("Facts"))
    for row in posture.controls:
        state = _state(row, posture)
        style = _MISSING_STYLE if state in _REFUSED else _STATE_STYLES[row.state]
        table.add_row(
            Text(state, style=style),
            Text(row.control.id, style=style),
            row.control.title,
            printable(row.because),
            ", ".join(str(facts[fact]) for fact in row.required_by),
        )
    return table


def _state(row: ControlPosture, posture: Posture) -> str:
    if row.state is ControlState.DORMANT and row.required_by:
        return _MISSING
    in_force = row.state in (ControlState.ENFORCED, ControlState.ADDED)
    return _UNMET if in_force and row.control.id in {found.control for found in posture.errors} else str(row.state)


def _finding(finding: Finding) -> Text:
    due = f"({finding.due})" if finding.due else ""
    heading = " ".join(part for part in (finding.severity, finding.control, finding.path, due) if part)
    text = Text("\n")
    text.append(heading, style=_SEVERITY_STYLES[finding.severity])
    text.append(f"\n{printable(finding.message)}")
    return text


def _verdict(posture: Posture) -> Text:
    states = Counter(_state(row, posture) for row in posture.controls)
    counts = ", ".join(f"{states[state]} {state}" for state in (*ControlState, *_REFUSED) if states[state])
    found = ", ".join(_counted_findings(posture))
    verdict = "Sound" if posture.sound else "NOT SOUND, so it is refused"
    style = "bold green" if posture.sound else _MISSING_STYLE
    return Text(f"{verdict}: {counts}{'; ' if found else ''}{found}.", style=style)


def _counted_findings(posture: Posture) -> Iterator[str]:
    for count, noun in ((len(posture.errors), "error"), (len(posture.warnings), "warning")):
        if count:
            yield f"{count} {noun}{'' if count == 1 else 's'}"
