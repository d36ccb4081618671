"""The tables that people read: ruled and coloured on a terminal, plain columns elsewhere."""

from typing import TextIO

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

_GAP = (0, 2, 0, 0)
_ANY_WIDTH = 10_000
"""Columns, more than any table takes."""


class _PipedConsole(Console):
    """A console that leaves the end of its reader to the command, as other output does; rich itself exits by 1."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        raise BrokenPipeError


def plain_console(stream: TextIO, width: int | None = None) -> Console:
    """A console that prints what it is given: text from a stack file is neither markup, nor an emoji, nor highlighted.

    Args:
        stream: Where to.
        width: Columns; None: the terminal's, or 80.
    """
    return _PipedConsole(file=stream, highlight=False, markup=False, emoji=False, width=width)


def plain_table(console: Console) -> Table:
    """A table with headings and no frame, ruled below them where `console` is a terminal."""
    return Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        show_edge=False,
        pad_edge=False,
        padding=_GAP,
        header_style="bold",
    )


def print_table(console: Console, table: Table) -> None:
    """Print `table` on `console`, wrapped between words where it is too wide, and never inside one.

    A reference or a name that is broken in two can be neither copied nor searched for, so that where even the longest
    words do not fit beside each other, lines are longer than `console` is wide.
    """
    wide = console.options.update(max_width=_ANY_WIDTH)
    whole = Measurement.get(console, wide, table).maximum
    own = console.width
    if whole > own:
        ranges = [_range(console, column) for column in table.columns]
        between = whole - sum(widest for _, widest in ranges)
        words = sum(longest for longest, _ in ranges)
        for column, width in zip(table.columns, _widths(ranges, own - between - words), strict=True):
            column.width = width
        console.width = max(own, between + words)
    console.print(table)
    console.width = own


def _range(console: Console, column: Column) -> tuple[int, int]:
    """The widths of a column's longest word and of its longest cell."""
    wide = console.options.update(max_width=_ANY_WIDTH)
    cells = [Measurement.get(console, wide, cell) for cell in (column.header, *column.cells)]
    least, most = column.min_width or 0, column.max_width or _ANY_WIDTH
    longest = max(cell.maximum if column.no_wrap else cell.minimum for cell in cells)
    return min(max(longest, least), most), min(max(*(cell.maximum for cell in cells), least), most)


def _widths(ranges: list[tuple[int, int]], spare: int) -> list[int]:
    """The columns' widths: their longest words', and a fair share of what is spare."""
    widths = [longest for longest, _ in ranges]
    by_need = sorted(range(len(ranges)), key=lambda index: ranges[index][1] - ranges[index][0])
    for served, index in enumerate(by_need):
        given = min(ranges[index][1] - ranges[index][0], max(spare, 0) // (len(ranges) - served))
        widths[index] += given
        spare -= given
    return widths


def plain_list() -> Table:
    """Two columns without headings: a name and its value."""
    table = Table(box=None, show_header=False, show_edge=False, pad_edge=False, padding=_GAP)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
