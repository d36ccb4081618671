"""A difference in sections, the weightiest first: what the table and the comment on a pull request both show.

Text that somebody wrote into a stack file is marked as quoted, so that no renderer takes it for its own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.diff.keys import KeyChange
from infra.diff.model import (
    Change,
    ControlChange,
    MoneyRange,
    NamedChange,
    PoolCapacity,
    Range,
    StackDifference,
    Totals,
    WaiverChange,
    WaiverEvent,
)
from infra.diff.resources import Action, ResourceChange
from infra.prices import READ_ON, SOURCE
from infra.report.transition_text import NOTHING_TOLD, is_silent, step_sentences
from infra.transition.steps import Step

ARROW = "->"
NOTHING = "-"
LONGEST_VALUE = 160
"""Characters of a value that are shown; whole scripts and configuration files stand in some."""


DESTRUCTION = "Deleted and replaced"
"""The title of the section on what goes."""


@dataclass(frozen=True)
class Quoted:
    """Text of the stack file."""

    text: str


Cell = tuple[str | Quoted, ...]
"""What stands in one place of a table; its parts follow each other without a gap."""


class Weight(StrEnum):
    """How a section is to be read."""

    ALARM = "alarm"
    GAIN = "gain"
    PLAIN = "plain"


@dataclass(frozen=True)
class Section:
    """A heading, a table below it, and remarks below that."""

    title: str
    weight: Weight
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    remarks: tuple[str, ...] = ()


def headline(difference: StackDifference, named: Callable[[str], str] = str) -> str:
    """The difference in one line.

    Args:
        difference: The difference.
        named: How the names of the stack and of the two sides are written.
    """
    stack, before, after = (named(text) for text in (difference.stack, difference.before, difference.after))
    return f"Stack {stack}: from {before} to {after}"


def verdict(difference: StackDifference) -> str:
    """What a reviewer has to know before all else, in one sentence."""
    if difference.errors:
        return f"REFUSED as it stands: {_counted(len(difference.errors), 'error')}; nothing would be deployed."
    lost = sum(change.lost for change in difference.controls)
    destroyed = len(difference.destructive)
    told = [
        *([f"{_counted(lost, 'control')} lost"] if lost else []),
        *([f"{_counted(len(difference.alarming_waivers), 'waiver')} to decide on"] * bool(difference.alarming_waivers)),
        *([f"{_counted(len(difference.way), 'update')} for `bulkhead transition`"] if difference.way else []),
        *([f"{_counted(len(difference.gained), 'control')} gained"] if difference.gained else []),
        *([f"{_counted(destroyed, 'resource')} deleted or replaced"] if destroyed else []),
    ]
    return f"{', '.join(told) or 'No control is lost, and nothing is deleted or replaced'}."


def sections(difference: StackDifference) -> tuple[Section, ...]:
    """Every section that has something to say."""
    every = (
        _alarms(difference),
        _way(difference),
        _gains(difference),
        _destruction(difference),
        _named("Tenants", "Tenant", difference.tenants),
        _named("Models", "Model", difference.models),
        _capacity(difference),
        _caches(difference),
        _settings(difference),
    )
    return tuple(section for section in every if section.rows)


# --- posture ----------------------------------------------------------------------------------------------------


def _alarms(difference: StackDifference) -> Section:
    return Section(
        "Decide on these first", Weight.ALARM, ("What", "Where", "Why it matters"), tuple(_alarm_rows(difference))
    )


def _alarm_rows(difference: StackDifference) -> Iterator[tuple[Cell, ...]]:
    for finding in difference.errors:
        yield ("refused",), (finding.control or NOTHING,), (Quoted(finding.path), ": ", Quoted(finding.message))
    for change in difference.lost:
        if change.lost or not difference.errors:
            yield ("control lost" if change.lost else "control missing",), (_titled(change),), _loss(change)
    for waiver in difference.alarming_waivers:
        yield (f"waiver {waiver.event}",), (waiver.control,), _waiver_words(waiver)
    if difference.way:
        yield (f"takes {_counted(len(difference.way), 'update')}",), ("bulkhead:pools",), (_deploying(difference),)
    for finding in difference.warnings:
        yield ("warning",), (finding.control or NOTHING,), (Quoted(finding.path), ": ", Quoted(finding.message))


def _deploying(difference: StackDifference) -> str:
    """What deploying a change does that one plain update does not carry out."""
    pools = ", ".join(name for step in difference.way for name in step.empty)
    return (
        "A plain `pulumi up` of this file, as a pipeline runs it after a merge, is refused and changes nothing, since"
        f" jobs may run on node pools that go ({pools}). Run `bulkhead transition --stack {difference.stack}`; or"
        " deploy the updates below one by one, by a pull request each (docs/how-to/raise-a-tier.md)."
    )


def _titled(change: ControlChange) -> str:
    return f"{change.control.id}: {change.control.title}"


def _loss(change: ControlChange) -> Cell:
    before, after = change.before or "absent", change.after or "gone with its stack"
    return (
        f"{before} {ARROW} {after} (",
        Quoted(change.because),
        f"). At risk: {change.control.at_risk}",
    )


def _waiver_words(waiver: WaiverChange) -> Cell:
    before = f" (was {waiver.expired_before})" if waiver.event is WaiverEvent.EXTENDED else ""
    until = f"until {waiver.expires}{before}; owner "
    return until, Quoted(waiver.owner), "; reason ", Quoted(shortened(waiver.reason))


def _way(difference: StackDifference) -> Section:
    """The updates, in the words of `bulkhead transition --plan`."""
    rows = tuple(row for number, step in enumerate(difference.way, 1) for row in _step_rows(number, step))
    return Section("The updates that it takes", Weight.ALARM, ("Update", "What", "In words"), rows)


def _step_rows(number: int, step: Step) -> Iterator[tuple[Cell, ...]]:
    yield (f"{number}. {step.title}",), ("why",), (step.because,)
    for part, sentence in step_sentences(step):
        yield (), (part,), (sentence,)
    if is_silent(step):
        yield (), (), (NOTHING_TOLD,)


def _gains(difference: StackDifference) -> Section:
    rows = [
        *(((f"{change.after}",), (_titled(change),), (Quoted(change.because),)) for change in difference.gained),
        *(
            ((f"waiver {waiver.event}",), (waiver.control,), _waiver_words(waiver))
            for waiver in difference.waivers
            if not waiver.event.alarms
        ),
    ]
    return Section("Controls gained, waivers settled", Weight.GAIN, ("What", "Control", "Why"), tuple(rows))


# --- who is served ----------------------------------------------------------------------------------------------


def _named(title: str, noun: str, changes: Sequence[NamedChange]) -> Section:
    rows = tuple(row for change in changes for row in _named_rows(change))
    return Section(title, Weight.PLAIN, (noun, "Change", "Key", "Before", "After"), rows)


def _named_rows(change: NamedChange) -> Iterator[tuple[Cell, ...]]:
    if change.change is Change.REMOVED:
        yield (change.name,), (change.change,), (), (), ()
        return
    for index, key in enumerate(change.keys):
        yield (change.name if not index else "",), (change.change if not index else "",), *_key_cells(key)


def _key_cells(key: KeyChange) -> tuple[Cell, Cell, Cell]:
    return (Quoted(key.key),), _value(key.before), _value(key.after)


def _value(value: str | None) -> Cell:
    return (NOTHING,) if value is None else (Quoted(shortened(value)),)


def _settings(difference: StackDifference) -> Section:
    rows = [
        *(_key_cells(change) for change in difference.settings),
        *(
            ((Quoted(name),), (), (f"secret {event}" + (", as encrypted" * (event == "changed")),))
            for name, event in difference.secrets
        ),
    ]
    return Section("Other settings", Weight.PLAIN, ("Key", "Before", "After"), tuple(rows))


# --- capacity ---------------------------------------------------------------------------------------------------


def _capacity(difference: StackDifference) -> Section:
    capacity = difference.capacity
    rows = [
        (
            (change.name,),
            (_moved(_name(change.before), _name(change.after)),),
            *_numbers(change.before, change.after),
            (_moved(_pool_money(change.before), _pool_money(change.after)),),
        )
        for change in capacity.pools
    ]
    if rows:
        before, after = capacity.before, capacity.after
        money = _moved(_total_money(before), _total_money(after))
        rows.append((("all pools",), ("",), *_numbers(before, after), (money,)))
    headings = ("Pool", "Node pool", "Nodes", "GPUs", "MIG instances", "US dollars a month")
    return Section(
        "Capacity and cost", Weight.PLAIN, headings, tuple(rows), tuple(_remarks(difference)) if rows else ()
    )


def _numbers(before: PoolCapacity | Totals | None, after: PoolCapacity | Totals | None) -> tuple[Cell, Cell, Cell]:
    return (
        (_moved(_count(before.nodes if before else None), _count(after.nodes if after else None)),),
        (_moved(_count(before.gpus if before else None), _count(after.gpus if after else None)),),
        (_moved(_count(before.mig_instances if before else None), _count(after.mig_instances if after else None)),),
    )


def _name(pool: PoolCapacity | None) -> str | None:
    if pool is None:
        return None
    return f"{pool.node_pool} ({pool.machine_type})" if pool.machine_type else pool.node_pool


def _count(span: Range | None) -> str | None:
    if span is None:
        return None
    return str(span.most) if span.least == span.most else f"{span.least}..{span.most}"


def _pool_money(pool: PoolCapacity | None) -> str | None:
    if pool is None:
        return None
    return _money(pool.usd_per_month) if pool.usd_per_month else "not priced"


def _total_money(totals: Totals | None) -> str | None:
    return _money(totals.usd_per_month) if totals else None


def _money(span: MoneyRange) -> str:
    return f"{span.most:,.0f}" if span.least == span.most else f"{span.least:,.0f}..{span.most:,.0f}"


def _moved(before: str | None, after: str | None) -> str:
    was, now = before or NOTHING, after or NOTHING
    return was if was == now else f"{was} {ARROW} {now}"


def _remarks(difference: StackDifference) -> Iterator[str]:
    capacity = difference.capacity
    yield (
        "A range is from a pool's fewest nodes to its most. Money is for the machines alone, on demand, for 730 hours:"
        f" {SOURCE}, as of {READ_ON}."
    )
    reasons = {
        f"{name}: {pool.not_priced}"
        for change in capacity.pools
        for name, pool in ((change.name, change.before), (change.name, change.after))
        if pool and pool.not_priced
    }
    if reasons:
        yield f"Not priced: {'; '.join(sorted(reasons))}."
    unpriced = capacity.after.not_priced if capacity.after else ()
    if unpriced and len(unpriced) < _pool_count(difference):
        yield f"The sum leaves out what is not priced: {', '.join(unpriced)}."


def _pool_count(difference: StackDifference) -> int:
    return len(difference.capacity.pools) + 1


def _caches(difference: StackDifference) -> Section:
    rows = tuple(
        ((effect.model,), (_moved(effect.before, effect.after),), (effect.effect,)) for effect in difference.caches
    )
    return Section("Reuse of prompts' beginnings", Weight.PLAIN, ("Model", "Prefix cache", "Expect"), rows)


# --- resources --------------------------------------------------------------------------------------------------


def _destruction(difference: StackDifference) -> Section:
    rows = tuple(_resource_row(change) for change in difference.destructive)
    return Section(
        DESTRUCTION,
        Weight.ALARM,
        ("What", "Kind", "Object", "Component", "Note"),
        rows,
    )


def _resource_row(change: ResourceChange) -> tuple[Cell, ...]:
    return (change.action,), (change.kind,), (Quoted(change.name),), (change.component,), destruction_note(change)


def destruction_note(change: ResourceChange) -> Cell:
    """What else there is to say of a resource that goes."""
    return tuple(part for index, note in enumerate(_notes(change)) for part in ((", ", *note) if index else note))


def _notes(change: ResourceChange) -> Iterator[Cell]:
    if change.loses_data:
        yield ("TAKES ALONG ALL IN IT" if change.kind == "Namespace" else "HOLDS DATA",)
    if change.protected:
        yield ("protected: the update is refused",)
    if change.kept:
        yield ("the real thing stays",)
    for index, path in enumerate(change.forced_by):
        yield (Quoted(path),) if index else ("forced by ", Quoted(path))
    if change.tenant:
        yield ("tenant ", Quoted(change.tenant))


def footing(difference: StackDifference) -> str:
    """How many resources the plan touches; what it makes and changes in place is not listed."""
    if difference.resources is None:
        return "No plan was made, since the posture is refused."
    if not difference.resources:
        return "The plan has no change."
    counts = Counter(change.action for change in difference.resources)
    return f"The plan, offline: {', '.join(f'{counts[action]} to {action}' for action in Action if counts[action])}."


def shortened(text: str, longest: int = LONGEST_VALUE) -> str:
    """`text`, or its first characters and how many more there are."""
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}... ({more} characters more)"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
