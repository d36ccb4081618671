"""A table of the gateway's database that is kept from some statements while something else is looked at."""

import subprocess
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum

from lab.cluster import Kubectl
from tests.lab.faults import wait_until
from tests.lab.ledger import DATABASE_POD, NAMESPACE, query

LONGEST_SECONDS = 600
"""After which PostgreSQL lets go by itself, whatever became of the test."""


class Mode(StrEnum):
    """What has to wait; reading never does."""

    INDEXES = "share update exclusive"
    """Indexes that are made beside the table's use; rows are written as ever."""
    WRITES = "share"
    """Every change of a row."""


@contextmanager
def held(kubectl: Kubectl, table: str, mode: Mode) -> Generator[None]:
    """Keep a lock of a table while the context lasts."""
    name = f"held-{uuid.uuid4().hex[:12]}"
    held_by_this = _HELD.format(name=name, table=table)
    statements = f'begin; lock table "{table}" in {mode} mode; select pg_sleep({LONGEST_SECONDS})'
    command = [
        *(str(kubectl.binary), f"--kubeconfig={kubectl.kubeconfig}"),
        *("exec", "--namespace", NAMESPACE, DATABASE_POD, "--container=postgresql", "--"),
        *("psql", "--username=litellm", f"--dbname=dbname=litellm application_name={name}", "--command", statements),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        try:
            wait_until(lambda: int(query(kubectl, held_by_this)), f"the lock of {table}", 60)
            yield
        finally:
            query(kubectl, _LET_GO.format(name=name))


def somebody_waits(kubectl: Kubectl, table: str) -> bool:
    """Whether a statement waits for a lock of the table."""
    return int(query(kubectl, _WAITING.format(table=table))) > 0


_LOCKS = """
select count(*) from pg_locks join pg_stat_activity using (pid) where relation = '"{table}"'::regclass
"""
_HELD = _LOCKS + "and granted and application_name = '{name}'"
_WAITING = _LOCKS + "and not granted"
_LET_GO = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{name}'"
