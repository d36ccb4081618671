"""The tables that people read: ruled and coloured on a terminal, plain columns elsewhere."""

from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table

_GAP = (0, 2, 0, 0)


def plain_console(stream: TextIO, width: int | None = None) -> Console:
    """A console that prints what it is given: text from a stack file is neither markup, nor an emoji, nor highlighted.

    Args:
        stream: Where to.
        width: Columns; None: the terminal's, or 80.
    """
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def plain_table(console: Console) -> Table:
    """A table with headings and no frame, ruled below them where `console` is a terminal."""
    return Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        show_edge=False,
        pad_edge=False,
        padding=_GAP,
        header_style="bold",
    )


def plain_list() -> Table:
    """Two columns without headings: a name and its value."""
    table = Table(box=None, show_header=False, show_edge=False, pad_edge=False, padding=_GAP)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
