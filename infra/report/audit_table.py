"""An audit as a table that a person reads at a glance."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.audit.report import AuditReport, ControlReport, Verdict, Window
from infra.audit.results import PLATFORM, Observation, Outcome, Probe
from infra.report.tables import plain_console, plain_table, print_table
from infra.report.text import printable

_STYLES = {
    Verdict.HOLDS: "green",
    Verdict.FAILS: "bold red",
    Verdict.UNPROVEN: "yellow",
    Verdict.NOT_CLAIMED: "dim",
    Verdict.NOT_PROBED: "dim",
}
_DO = {
    Probe.ADMISSION: "compare the policies, roles and quotas on the cluster with `bulkhead plan`, then `pulumi up`",
    Probe.PACKETS: "check that the cluster's dataplane enforces NetworkPolicy, and that nobody added a policy",
    Probe.ACCESS: "look for bindings that the stack does not make: kubectl get rolebindings,clusterrolebindings -A",
    Probe.CACHES: "compare the gateway's ConfigMap and the engines' arguments with `bulkhead plan`, then `pulumi up`",
    Probe.BUDGETS: "`bulkhead tenants show` for accounts, `bulkhead plan` for the gateway's settings, then `pulumi up`",
    Probe.NODES: "compare the nodes' taints and the device plugin's configuration with the stack file's pools",
}
_REASONS_SHOWN = 12


def print_audit(report: AuditReport, stream: TextIO) -> None:
    """Print `report` on `stream`: coloured with a ruled heading on a terminal, plain ASCII layout elsewhere."""
    console = plain_console(stream)
    console.print(Text(printable(f"Stack {report.stack}: tier {report.tier}, audited {_where(report)}"), style="bold"))
    console.print()
    print_table(console, _table(report, console))
    for row in report.controls:
        for text in _failures(row):
            console.print(text, soft_wrap=True)
    for text in (*_unproven(report.controls), *_doubts(report.controls), *_not_there(report.controls)):
        console.print(text, soft_wrap=True)
    console.print()
    for window in _windows(report.windows):
        console.print(Text(window), soft_wrap=True)
    console.print(Text(", ".join(f"{probe} {seconds:.1f} s" for probe, seconds in report.seconds.items())))
    console.print(_verdict(report), soft_wrap=True)


def _where(report: AuditReport) -> str:
    return f"on context {report.context}" if report.context else "as planned, without a cluster"


def _table(report: AuditReport, console: Console) -> Table:
    table = plain_table(console)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Id", no_wrap=True)
    table.add_column("Control", overflow="fold")
    table.add_column("Attacks", overflow="fold")
    table.add_column("Work", overflow="fold")
    for row in report.controls:
        style = _STYLES[row.verdict]
        table.add_row(
            Text(row.verdict, style=style),
            Text(row.control, style=style),
            row.title,
            _counts(row, attack=True),
            _counts(row, attack=False),
        )
    return table


def _counts(row: ControlReport, *, attack: bool) -> str:
    words = {
        Outcome.HOLDS: "refused" if attack else "passed",
        Outcome.FAILS: "GOT THROUGH" if attack else "REFUSED",
        Outcome.UNPROVEN: "unproven",
        Outcome.NOT_THERE: "not there",
        Outcome.NOT_CLAIMED: "not claimed",
    }
    counted = ((sum(one.attack is attack for one in row.of(outcome)), word) for outcome, word in words.items())
    return ", ".join(f"{count} {word}" for count, word in counted if count)


def _failures(row: ControlReport) -> Iterator[Text]:
    failures = row.of(Outcome.FAILS)
    if not failures:
        return
    yield Text(f"\n{row.control} does not hold:", style="bold red")
    for (case, about), ones in _by_case(failures):
        tenants = ", ".join(sorted({one.tenant or PLATFORM for one in ones}))
        yield Text(printable(f"  {case} ({tenants})"), style="red")
        yield Text(printable(f"    {about}"))
        yield Text(printable(f"    as {ones[0].identity}: {ones[0].seen}"))
    for probe in sorted({one.probe for one in failures}):
        yield Text(f"  do: {_DO[probe]}")


def _unproven(rows: Iterable[ControlReport]) -> Iterator[Text]:
    """For whom which control was not shown; what was shown of others, with pods and quotas of theirs, says nothing."""
    unproven = [row for row in rows if row.unproven_for or row.verdict is Verdict.UNPROVEN]
    if unproven:
        yield Text("\nNothing shows that it holds:", style="yellow")
    for row in unproven:
        whose = ", ".join(tenant or PLATFORM for tenant in row.unproven_for) or "anybody"
        yield Text(printable(f"  {row.control} for {whose}"))


def _doubts(rows: Iterable[ControlReport]) -> Iterator[Text]:
    """Cases of which nothing follows: said, so that nobody takes them for proven."""
    doubts = [one for row in rows for one in row.of(Outcome.UNPROVEN)]
    if doubts:
        yield Text("\nUnproven, since:", style="yellow")
        yield from _by_reason(doubts)


def _not_there(rows: Iterable[ControlReport]) -> Iterator[Text]:
    """Cases of what will have to be looked at once it is there."""
    absent = [one for row in rows for one in row.of(Outcome.NOT_THERE)]
    if absent:
        yield Text("\nNot looked at, since:", style="dim")
        yield from _by_reason(absent)


def _by_reason(ones: Iterable[Observation]) -> Iterator[Text]:
    reasons: dict[str, set[str]] = {}
    for one in ones:
        reasons.setdefault(one.seen, set()).add(one.case)
    for number, (reason, cases) in enumerate(sorted(reasons.items(), key=lambda item: -len(item[1]))):
        if number == _REASONS_SHOWN:
            yield Text(f"  and {len(reasons) - number} more reasons; --json has them all")
            return
        yield Text(printable(f"  {reason}: {', '.join(sorted(cases))}"))


def _by_case(ones: Iterable[Observation]) -> Iterator[tuple[tuple[str, str], list[Observation]]]:
    ordered = sorted(ones, key=lambda one: one.case)
    for key, group in groupby(ordered, key=lambda one: (one.case, one.about)):
        yield key, list(group)


def _windows(windows: Iterable[Window]) -> Iterator[str]:
    """The longest time that a new pod was open, for each direction."""
    said = {
        "out": "could reach what it must not",
        "in": "could be reached by whom it must not",
    }
    for direction, words in said.items():
        found = [window for window in windows if window.direction == direction]
        opened = [window.milliseconds for window in found if window.milliseconds is not None]
        if not all(window.ended for window in found):
            yield f"A new pod {words}, and no end of it was seen."
        elif opened:
            seen = f"{len(opened)} of {len(found)} were seen to"
            yield f"A new pod {words} for {max(opened):.0f} ms at most, from its first instruction ({seen})."
        elif found:
            yield f"No new pod was seen that {words} ({len(found)} tried)."


def _verdict(report: AuditReport) -> Text:
    refused = report.count(attack=True, outcome=Outcome.HOLDS)
    through = report.count(attack=True, outcome=Outcome.FAILS)
    passed = report.count(attack=False, outcome=Outcome.HOLDS)
    stopped = report.count(attack=False, outcome=Outcome.FAILS)
    if report.holds and report.proven and not report.tried:
        return Text(
            "Nothing was tried: none of the controls that the stack claims is among what this looks at, so nothing is"
            f" proven; {passed} legitimate requests passed.",
            style="yellow",
        )
    verdict = "Holds" if report.holds and report.proven else "Unproven" if report.holds else "DOES NOT HOLD"
    style = "bold green" if verdict == "Holds" else "yellow" if report.holds else "bold red"
    return Text(
        f"{verdict}: {refused} attacks refused, {through} got through; {passed} legitimate requests passed,"
        f" {stopped} refused.",
        style=style,
    )
