"""What stands in a comment where there is no preview, so that an earlier one never passes for that of this change."""

from infra.faults import Fault, FaultsFoundError
from infra.report.comment import COMMENT_LIMIT, SEPARATOR, Block, fitted
from infra.report.diff_markdown import SHORTENED_ROWS, table_variants
from infra.report.diff_sections import shortened
from infra.report.markdown import code
from infra.report.preview_markdown import title
from infra.report.text import printable, without_credentials

LONGEST_TEXT = 1000
"""Characters of one part of a fault that are shown."""
_HEADINGS = ("Where", "What is wrong", "What follows", "What to write")


def refused_markdown(stack: str, error: FaultsFoundError, limit: int = COMMENT_LIMIT) -> str:
    """The comment on a change that cannot be previewed: every fault, under the mark of the stack's preview.

    Args:
        stack: The stack's name.
        error: Why there is no preview.
        limit: Bytes at most.
    """
    count = len(error.faults)
    heading = (
        f"**:x: There is no preview of this change, and none of an earlier one counts: {_text(error.origin)} has"
        f" {count} fault{'' if count == 1 else 's'}.**"
    )
    rows = [_row(fault) for fault in error.faults]
    tables = tuple(table_variants(_HEADINGS, rows, SHORTENED_ROWS))
    return fitted([Block((SEPARATOR.join([title(stack), heading]),), 1), Block(tables, 0)], limit)


def removed_markdown(stack: str, file: str, base: str) -> str:
    """The comment on a change that takes a stack's file away.

    Args:
        stack: The stack's name.
        file: The file's name.
        base: Where the file still is, as `main`.
    """
    heading = f"**:warning: {code(file)} goes, so that nothing describes this stack any longer.**"
    told = (
        "Nothing is deleted: what the stack has deployed stays and costs what it costs, unless it was destroyed"
        " before.",
        "Nothing deploys it or looks after it any more: no update, no preview, no comparison with what runs, and nobody"
        " is told when a waiver ends.",
        f"If all of it is to go, run {code(f'bulkhead destroy --stack {stack}')} while the file is there, as at"
        f" {code(base)}, and take the file away afterwards.",
    )
    return SEPARATOR.join([title(stack), heading, "\n".join(f"- {line}" for line in told)])


def _row(fault: Fault) -> tuple[str, ...]:
    return tuple(_text(part) for part in (fault.path, fault.wrong, fault.follows, fault.write))


def _text(text: str) -> str:
    return code(printable(shortened(without_credentials(text), LONGEST_TEXT)))
