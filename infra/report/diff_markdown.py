"""A difference as Markdown, for a comment on a pull request.

What the stack file says stands in code, where it can neither format the comment nor call people by their names; so do
branches and files whose names could.
"""

from collections.abc import Collection, Iterator, Sequence

from infra.diff.model import StackDifference
from infra.report.comment import SEPARATOR, Block
from infra.report.diff_sections import Cell, Quoted, Section, Weight, footing, headline, sections, verdict
from infra.report.markdown import code, plain_or_code, table
from infra.report.text import printable

ALARM_RANK = 30
"""What a reviewer has to decide on is shortened last."""
PLAIN_RANK = 10
SHORTENED_ROWS = (1000, 700, 500, 350, 250, 170, 120, 80, 50, 30, 10, 0)
"""Rows that stay of a table that has to be shortened, step by step."""
_MARKS = {Weight.ALARM: ":warning: ", Weight.GAIN: "", Weight.PLAIN: ""}


def difference_markdown(difference: StackDifference) -> str:
    """The difference in full; no final line break. Equal differences give equal text."""
    return SEPARATOR.join(block.variants[0] for block in difference_blocks(difference))


def difference_blocks(difference: StackDifference, *, left_out: Collection[str] = ()) -> Iterator[Block]:
    """The difference in blocks that can be shortened.

    Args:
        difference: The difference.
        left_out: Titles of sections that stand elsewhere.
    """
    yield Block((f"### {headline(difference, plain_or_code)}\n\n**{verdict(difference)}**",), ALARM_RANK)
    for section in (one for one in sections(difference) if one.title not in left_out):
        rank = ALARM_RANK if section.weight is Weight.ALARM else PLAIN_RANK
        yield Block(_variants(section), rank)
    yield Block((footing(difference),), ALARM_RANK)


def _variants(section: Section) -> tuple[str, ...]:
    heading = f"#### {_MARKS[section.weight]}{section.title}"
    rows = [[_markdown(cell) for cell in row] for row in section.rows]
    remarks = [f"<sub>{remark}</sub>" for remark in section.remarks]
    return tuple(
        SEPARATOR.join([heading, shown, *remarks]) for shown in table_variants(section.headings, rows, SHORTENED_ROWS)
    )


def table_variants(headings: Sequence[str], rows: Sequence[Sequence[str]], steps: Sequence[int]) -> Iterator[str]:
    """The whole table, and then with as many rows as each step says and a line about the rest."""
    yield table(headings, rows)
    for count in steps:
        if count < len(rows):
            rest = f"... and {len(rows) - count} more rows" if count else f"{len(rows)} rows"
            yield SEPARATOR.join([*([table(headings, rows[:count])] if count else []), f"_{rest}, left out here._"])


def _markdown(cell: Cell) -> str:
    return "".join(code(printable(part.text)) if isinstance(part, Quoted) else part for part in cell)
