"""Exit non-zero unless the database holds the whole schema that this LiteLLM expects.

Runs in LiteLLM's own image after its migration command, which can exit zero on a database that it left half migrated;
the gateway would then start, call itself healthy, and refuse every key. Reads the database and changes nothing, so it
may run twice and beside itself.

Exit codes: 0 the schema is complete; 1 it is not; 2 the database cannot be read or the image lacks what this needs.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping

from .database import connect, shipped

MODEL = re.compile(r"^model\s+(\w+)\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)
ENUM = re.compile(r"^enum\s+(\w+)\s*\{", re.MULTILINE)
FIELD = re.compile(r"^\s*(\w+)\s+(\w+)(\[\])?\??(?:\s|$)(.*)$")
TABLE_NAME = re.compile(r'^\s*@@map\("([^"]+)"\)', re.MULTILINE)
COLUMN_NAME = re.compile(r'@map\("([^"]+)"\)')
SCALARS = frozenset({"BigInt", "Boolean", "Bytes", "DateTime", "Decimal", "Float", "Int", "Json", "String"})

UNFINISHED = """
select migration_name from _prisma_migrations
where finished_at is null and rolled_back_at is null
order by migration_name
"""
COLUMNS = "select table_name, column_name from information_schema.columns where table_schema = current_schema()"

Schema = Mapping[str, frozenset[str]]


def expected_schema(text: str) -> Schema:
    """Tables and their columns in a Prisma schema; relations are no columns."""
    types = SCALARS | frozenset(ENUM.findall(text))
    return {_table_name(name, body): _column_names(body, types) for name, body in MODEL.findall(text)}


def _table_name(model: str, body: str) -> str:
    mapped = TABLE_NAME.search(body)
    return mapped.group(1) if mapped else model


def _column_names(body: str, types: frozenset[str]) -> frozenset[str]:
    names: set[str] = set()
    for line in body.splitlines():
        field = FIELD.match(line)
        if field and field.group(2) in types:
            mapped = COLUMN_NAME.search(field.group(4))
            names.add(mapped.group(1) if mapped else field.group(1))
    return frozenset(names)


def missing(expected: Schema, found: Schema) -> tuple[str, ...]:
    """What the database lacks, as `table` or `table.column`."""
    return tuple(
        name
        for table, columns in sorted(expected.items())
        for name in (
            [table] if table not in found else [f"{table}.{column}" for column in sorted(columns - found[table])]
        )
    )


def group_columns(rows: Iterable[tuple[str, str]]) -> Schema:
    """(table, column) pairs by table."""
    tables: dict[str, set[str]] = {}
    for table, column in rows:
        tables.setdefault(table, set()).add(column)
    return {table: frozenset(columns) for table, columns in tables.items()}


def shipped_schema() -> str:
    """The schema of the LiteLLM in this image.

    Raises:
        FileNotFoundError: The image holds none.
    """
    return (shipped() / "schema.prisma").read_text(encoding="utf-8")


def read_database(url: str) -> tuple[Schema, tuple[str, ...]]:
    """What the database holds, and which of its migrations began and never ended."""
    with connect(url) as connection:
        found = group_columns((str(table), str(column)) for table, column in connection.execute(COLUMNS))
        unfinished = [
            str(name) for (name,) in (connection.execute(UNFINISHED) if "_prisma_migrations" in found else ())
        ]
    return found, tuple(unfinished)


def verdict(expected: Schema, found: Schema, unfinished: tuple[str, ...]) -> tuple[int, str]:
    """The exit code and the sentence that explains it."""
    if not expected:
        return 2, "The image's schema names no table; this is not the schema of LiteLLM."
    lacking = missing(expected, found)
    if lacking:
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        return 1, f"The schema is incomplete: it lacks {', '.join(lacking[:5])}{more}. The gateway must not roll."
    if unfinished:
        return 1, f"Migrations began and never ended: {', '.join(unfinished)}. The gateway must not roll."
    return 0, f"The schema is complete: {len(expected)} tables."


def main() -> int:
    """Check the database that DATABASE_URL names."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    try:
        expected = expected_schema(shipped_schema())
        found, unfinished = read_database(url)
    except Exception as error:
        # An error's text may quote the URL, and with it the password.
        print(f"The schema could not be checked: {type(error).__name__}.", file=sys.stderr)
        return 2
    code, sentence = verdict(expected, found, unfinished)
    print(sentence, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
