"""The engine's preview with the posture diff above it, as one comment on a pull request.

Deletions and replacements stand first and in full; the rest is grouped by component and tenant, and folded. The text is
the same for the same change, so that a comment that is edited in place does not flicker.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from infra.diff.keys import KeyChange
from infra.diff.model import StackDifference
from infra.diff.resources import Action, ResourceChange
from infra.guard import Violation
from infra.preview.model import EnginePreview
from infra.report.comment import COMMENT_LIMIT, SEPARATOR, Block, fitted
from infra.report.diff_markdown import ALARM_RANK, PLAIN_RANK, SHORTENED_ROWS, difference_blocks, table_variants
from infra.report.diff_sections import DESTRUCTION, Cell, Quoted, destruction_note, shortened
from infra.report.markdown import code, plain_or_code, plain_or_code_in_html
from infra.report.text import printable

DESTRUCTION_RANK = 20
"""What goes is shortened only after all that stays."""
GROUP_RANK = 0
KEYS_SHOWN = 6
"""Keys of one changed resource; a chart's new version changes dozens."""
LONGEST_KEY_VALUE = 60
MESSAGES_SHOWN = 20


def marker(stack: str) -> str:
    """The first line of a stack's comment, by which the next run finds it again; nobody sees it."""
    return f"<!-- bulkhead preview: {stack} -->"


def title(stack: str) -> str:
    """The mark and the heading of a stack's comment."""
    return f"{marker(stack)}\n## Preview of stack {stack}"


def preview_markdown(
    difference: StackDifference,
    preview: EnginePreview,
    broken: Sequence[Violation] = (),
    limit: int = COMMENT_LIMIT,
    *,
    first: bool = False,
) -> str:
    """The comment; no final line break.

    Args:
        difference: What the change of the stack file means.
        preview: What the engine would do.
        broken: The platform's rules that it would break.
        limit: Bytes at most.
        first: Whether the preview is of the first update of the difference's way.
    """
    # What the engine lists is true of what is deployed, and the offline plan's list would take its room; but where the
    # engine did not finish, or was asked for the first of several updates, the offline list may know of more.
    whole = not preview.errors and not first
    posture = difference_blocks(difference, left_out={DESTRUCTION} if preview.destructive and whole else ())
    engine = _engine(preview, f" in update 1 of {len(difference.way)}" if first else "")
    return fitted([*_head(difference, preview), *_broken(broken), *posture, *engine], limit)


def _head(difference: StackDifference, preview: EnginePreview) -> Iterator[Block]:
    yield Block((title(difference.stack),), ALARM_RANK)
    if preview.errors:
        heading = "**:x: The engine refused the preview, so what stands below is not all.**"
        yield Block((SEPARATOR.join([heading, _messages(preview.errors)]),), ALARM_RANK)


def _broken(violations: Sequence[Violation]) -> Iterator[Block]:
    if violations:
        heading = "**:no_entry: The platform's own rules are broken, so the policy pack refuses the update.**"
        told = [f"{one.rule}: {one.message}" for one in violations]
        yield Block((SEPARATOR.join([heading, _messages(told)]),), ALARM_RANK)


def _engine(preview: EnginePreview, where: str) -> Iterator[Block]:
    yield Block((f"### What the engine would do{where}\n\n**{_counted(preview.counts)}**",), ALARM_RANK)
    if preview.destructive:
        yield Block(tuple(_destruction(preview.destructive)), DESTRUCTION_RANK)
    for (component, tenant), changes in preview.groups.items():
        yield Block(tuple(_group(component, tenant, changes)), GROUP_RANK)
    if preview.warnings:
        count = f"{len(preview.warnings)} warning{'' if len(preview.warnings) == 1 else 's'}"
        yield Block((_folded(count, _messages(preview.warnings)), f"{count}, left out here."), PLAIN_RANK)


def _counted(counts: Mapping[Action, int]) -> str:
    return f"{', '.join(f'{count} to {action}' for action, count in counts.items()) or 'Nothing changes'}."


def _destruction(changes: Sequence[ResourceChange]) -> Iterator[str]:
    headings = ("What", "Kind", "Object", "Component", "Note")
    rows = [
        (
            change.action,
            plain_or_code(change.kind),
            _quoted(change.name),
            plain_or_code(change.component),
            _written(destruction_note(change), plain_or_code),
        )
        for change in changes
    ]
    heading = f"#### :warning: {DESTRUCTION}"
    for shown in table_variants(headings, rows, SHORTENED_ROWS):
        yield SEPARATOR.join([heading, shown])


def _group(component: str, tenant: str, changes: Sequence[ResourceChange]) -> Iterator[str]:
    """A folded list: with the keys that change, with names alone, and as one line."""
    counts = Counter(change.action for change in changes)
    in_order = {action: counts[action] for action in Action if counts[action]}
    where: Cell = (Quoted(component),) if component else ("no component",)
    place: Cell = (*where, ", tenant ", Quoted(tenant)) if tenant else where
    counted = _counted(in_order).removesuffix(".")
    folded = f"{_written(place, plain_or_code_in_html)}: {counted}"
    yield _folded(folded, "\n".join(_with_keys(change) for change in changes))
    yield _folded(folded, "\n".join(_line(change) for change in changes))
    yield f"- {_written(place, plain_or_code)}: {counted}"


def _line(change: ResourceChange) -> str:
    return f"- {change.action} {plain_or_code(change.kind)} {_quoted(change.name)}"


def _with_keys(change: ResourceChange) -> str:
    keys = [_key(key) for key in change.keys[:KEYS_SHOWN]]
    more = len(change.keys) - KEYS_SHOWN
    told = [*keys, *([f"{more} more"] if more > 0 else [])]
    return f"{_line(change)}{': ' if told else ''}{'; '.join(told)}"


def _key(change: KeyChange) -> str:
    if change.before is None and change.after is None:
        return _quoted(change.key)
    return f"{_quoted(change.key)} {_value(change.before)} -> {_value(change.after)}"


def _value(text: str | None) -> str:
    return "absent" if text is None else _quoted(shortened(text, LONGEST_KEY_VALUE)) or "empty"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _messages(messages: Sequence[str]) -> str:
    shown = [f"- {_quoted(shortened(message, 500))}" for message in messages[:MESSAGES_SHOWN]]
    more = len(messages) - MESSAGES_SHOWN
    return "\n".join([*shown, *([f"- and {more} more"] if more > 0 else [])])


def _written(cell: Cell, quoted: Callable[[str], str]) -> str:
    return "".join(quoted(part.text) if isinstance(part, Quoted) else part for part in cell)


def _quoted(text: str) -> str:
    return code(printable(text))
