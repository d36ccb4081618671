"""Tables: wrapped between words, and never inside one."""

import io

import pytest

from infra.report.tables import plain_console, plain_table, print_table

REFERENCE = "registry.example.com/a-long-path/of-an-image:1.2.3"


def printed(width: int, *rows: tuple[str, str]) -> list[str]:
    stream = io.StringIO()
    console = plain_console(stream, width=width)
    table = plain_table(console)
    for heading in ("Reference", "Used by"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    print_table(console, table)
    assert console.width == width
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_a_reference_is_whole_at_any_width(width: int) -> None:
    lines = printed(width, (REFERENCE, "the gateway, the tenants and the migration of the database"))

    assert any(REFERENCE in line for line in lines)


def test_words_wrap_where_there_is_not_room_for_all() -> None:
    lines = printed(70, (REFERENCE, "one two three four five six seven eight"))

    assert all(len(line) <= 70 for line in lines)
    assert len(lines) > 2


def test_a_table_that_fits_is_as_wide_as_it_needs() -> None:
    assert printed(200, ("a", "b c d")) == ["Reference  Used by", "a          b c d"]
