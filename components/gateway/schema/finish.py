"""Finish migrations that were interrupted, so that a killed migration needs no person.

Prisma records that a script begins, runs it, and records its end: killed in between, the history does not tell whether
the script's changes are in the database. LiteLLM then stops, and says that no restart will help ("Migration completion
could not be verified", litellm_proxy_extras 0.4.108). Yet PostgreSQL runs a script of several statements in one
transaction, so that all of its changes are there or none, and trying once more tells which: in one transaction with the
record of its end it is applied, unless it finds its own tables or columns there already.

Only scripts of which that is known are touched: this image has the script as it was begun, it recorded no error, and it
changes definitions alone, since rows changed twice would tell nobody. An index that is made outside of a transaction is
left to Prisma to begin again, also where PostgreSQL had ended it in favour of somebody else. Everything else is
LiteLLM's to judge.

Exit code: always 0; what cannot be finished here stops LiteLLM, which says why.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from .database import connect, shipped
from .definitions import changes_definitions_alone, makes_an_index_beside_others

ADVISORY_LOCK = 72707369
"""Prisma's own (schema-engine, `ADVISORY_LOCK_KEY`): whoever holds it is the only one who migrates, and a killed
migration holds it until PostgreSQL has ended what it was doing."""
LOCK_SECONDS = 300
"""How long another migration is waited for here; LiteLLM then waits by itself."""
PAUSE_SECONDS = 1.0
TRY_LOCK = "select pg_try_advisory_lock(%s)"
UNLOCK = "select pg_advisory_unlock(%s)"
GIVEN_WAY = re.compile(r"\b(?:40P01|55P03|57014|57P01|57P02)\b")
"""SQLSTATEs of statements that PostgreSQL ended for another's sake: a deadlock, a lock that was not to be had, and
what was cancelled or shut down. Prisma waits for its lock in a statement, which an index made `CONCURRENTLY` has to
wait for in its turn: two migrations that meet there are a deadlock, and the index is what goes."""

ALREADY_THERE = frozenset({"42P07", "42701", "42710", "42P06", "42723"})
"""SQLSTATEs of duplicate tables, columns, other objects, schemas and functions."""

HISTORY_TABLE = "select to_regclass('_prisma_migrations') is not null"
INTERRUPTED = """
select id, migration_name, checksum, coalesce(logs, ''), applied_steps_count
from _prisma_migrations
where finished_at is null and rolled_back_at is null
order by started_at
"""
RECORD_END = "update _prisma_migrations set finished_at = now(), applied_steps_count = 1 where id = %s"
RECORD_RETREAT = "update _prisma_migrations set rolled_back_at = now() where id = %s"


class Remedy(Enum):
    """What is done about an interrupted migration."""

    APPLY = "apply it, or find that it is applied"
    BEGIN_AGAIN = "let Prisma begin it again"
    LEAVE = "leave it to LiteLLM"


@dataclass(frozen=True)
class Interrupted:
    """A migration that began and has no recorded end.

    Attributes:
        identity: The history's row.
        name: The migration's name, and its folder's.
        checksum: SHA-256 of the script that was begun, in hexadecimal digits.
        logs: The error that it ended with; empty if it recorded none.
        steps: 1 where the script is known to be through, which LiteLLM recognizes by itself.
    """

    identity: str
    name: str
    checksum: str
    logs: str
    steps: int


def remedy(migration: Interrupted, script: bytes | None) -> Remedy:
    """What may be done with a migration, judged by its record and its script in this image (None: it has none)."""
    if script is None or migration.steps or hashlib.sha256(script).hexdigest() != migration.checksum:
        return Remedy.LEAVE
    text, logs = script.decode("utf-8", errors="replace"), migration.logs.strip()
    if makes_an_index_beside_others(text) and (not logs or GIVEN_WAY.search(logs)):
        return Remedy.BEGIN_AGAIN
    return Remedy.APPLY if not logs and changes_definitions_alone(text) else Remedy.LEAVE


def finish(connection: Any, folder: Path) -> list[str]:
    """Finish what was interrupted, under Prisma's lock; a sentence on each migration.

    Args:
        connection: psycopg's, in autocommit.
        folder: The migrations that this image ships, each in a folder of its name.

    Raises:
        TimeoutError: Somebody else migrates, and goes on to.
    """
    with _alone(connection), connection.transaction():
        return [_finish_one(connection, migration, folder) for migration in _interrupted(connection)]


@contextmanager
def _alone(connection: Any) -> Generator[None]:
    """Nobody else migrates while this lasts.

    The lock is asked for again and again: a statement that waited for it would be waited for by an index that is made
    `CONCURRENTLY`, and so by itself.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while not _first(connection, TRY_LOCK):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        _first(connection, UNLOCK)


def _first(connection: Any, query: str) -> bool:
    """What a function of the lock answers."""
    ((answer,),) = connection.execute(query, (ADVISORY_LOCK,)).fetchall()
    return bool(answer)


def _interrupted(connection: Any) -> Iterable[Interrupted]:
    ((known,),) = connection.execute(HISTORY_TABLE).fetchall()
    return [Interrupted(*row) for row in connection.execute(INTERRUPTED).fetchall()] if known else []


def _finish_one(connection: Any, migration: Interrupted, folder: Path) -> str:
    file = folder / migration.name / "migration.sql"
    script = file.read_bytes() if file.is_file() else None
    found = remedy(migration, script)
    if found is Remedy.LEAVE or script is None:
        return f"{migration.name} was interrupted and cannot be finished here."
    if found is Remedy.BEGIN_AGAIN:
        connection.execute(RECORD_RETREAT, (migration.identity,))
        return f"{migration.name} was interrupted and begins again."
    failure = _failure(connection, script)
    if failure and failure not in ALREADY_THERE:
        return f"{migration.name} was interrupted, could not be applied once more (SQLSTATE {failure}), and is left."
    connection.execute(RECORD_END, (migration.identity,))
    # Where nothing failed, its changes may have been there as well: IF NOT EXISTS does not tell.
    when = " after its changes were kept," if failure else ""
    return f"{migration.name} was interrupted{when} and is finished."


def _failure(connection: Any, script: bytes) -> str:
    """Apply a script; the SQLSTATE if it failed, with nothing changed, and otherwise nothing."""
    try:
        # Psycopg makes a savepoint of a transaction within another, so that a failure undoes this script alone.
        with connection.transaction():
            connection.execute(script)
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        if not state:  # not PostgreSQL's answer: the connection is gone, and all that was finished over it
            raise
        return str(state)
    return ""


def main() -> int:
    """Finish what was interrupted in the database that DATABASE_URL names."""
    try:
        with connect(os.environ.get("DATABASE_URL", "")) as connection:
            sentences = finish(connection, shipped() / "migrations")
    except Exception as error:
        # An error's text may quote the URL, and with it the password.
        print(f"No interrupted migration was finished: {type(error).__name__}.", file=sys.stderr)
        return 0
    print("\n".join(sentences) or "No migration was interrupted.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
