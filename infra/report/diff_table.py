"""A difference as tables that a person reads at a glance."""

from typing import TextIO

from rich.console import Console
from rich.text import Text

from infra.diff.model import StackDifference
from infra.report.diff_sections import Cell, Quoted, Section, Weight, footing, headline, sections, verdict
from infra.report.tables import plain_console, plain_table, print_table
from infra.report.text import printable

WIDTH_OF_A_PIPE = 200
"""Columns where the output is no terminal."""
_STYLES = {Weight.ALARM: "bold red", Weight.GAIN: "bold green", Weight.PLAIN: "bold"}


def print_difference(difference: StackDifference, stream: TextIO) -> None:
    """Print `difference` on `stream`: coloured on a terminal, plain elsewhere."""
    console = plain_console(stream, None if stream.isatty() else WIDTH_OF_A_PIPE)
    console.print(Text(printable(headline(difference)), style="bold"))
    console.print(Text(verdict(difference)))
    for section in sections(difference):
        _print_section(console, section)
    console.print()
    console.print(Text(footing(difference)))


def _print_section(console: Console, section: Section) -> None:
    console.print()
    console.print(Text(section.title, style=_STYLES[section.weight]))
    table = plain_table(console)
    for heading in section.headings:
        table.add_column(heading, overflow="fold")
    for row in section.rows:
        table.add_row(*(Text(_plain(cell)) for cell in row))
    print_table(console, table)
    for remark in section.remarks:
        console.print(Text(remark, style="dim"))


def _plain(cell: Cell) -> str:
    return printable("".join(part.text if isinstance(part, Quoted) else part for part in cell))
