"""A difference as Markdown, for a comment on a pull request.

What the stack file says stands in code, where it can neither format the comment nor call people by their names.
"""

from collections.abc import Iterator

from infra.diff.model import StackDifference
from infra.report.diff_sections import Cell, Quoted, Section, Weight, footing, headline, sections, verdict
from infra.report.markdown import code, table
from infra.report.text import printable

_MARKS = {Weight.ALARM: ":warning: ", Weight.GAIN: "", Weight.PLAIN: ""}


def difference_markdown(difference: StackDifference) -> str:
    """The difference; no final line break. Equal differences give equal text."""
    return "\n\n".join(_blocks(difference))


def _blocks(difference: StackDifference) -> Iterator[str]:
    yield f"### {headline(difference)}"
    yield f"**{verdict(difference)}**"
    for section in sections(difference):
        yield from _section(section)
    yield footing(difference)


def _section(section: Section) -> Iterator[str]:
    yield f"#### {_MARKS[section.weight]}{section.title}"
    yield table(section.headings, ([_markdown(cell) for cell in row] for row in section.rows))
    for remark in section.remarks:
        yield f"<sub>{remark}</sub>"


def _markdown(cell: Cell) -> str:
    return "".join(code(printable(part.text)) if isinstance(part, Quoted) else part for part in cell)
