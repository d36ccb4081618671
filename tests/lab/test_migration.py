"""The schema's migration, as the deployed Job runs it, on databases of the tests' own beside the gateway's."""

import base64
import json
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from lab import cluster
from tests.lab.faults import containers, wait_until
from tests.lab.platform import GATEWAY, TeamPlatform

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

Document = dict[str, Any]

DATABASE_POD = "database-0"
TABLES = "select count(*) from information_schema.tables where table_schema = 'public'"
WHOLE = 90
"""Tables; LiteLLM has some more."""
SCRIPTS = 200
"""Migrations; LiteLLM has some more."""
JOB_SECONDS = 600

MAKES_A_TABLE = "20260814000000_add_proxy_worker_heartbeat"
MAKES_ANOTHER_TABLE = "20251209112246_add_ui_settings_table"
MAKES_AN_INDEX = "20260415120000_health_check_latest_per_model_index"
CHANGES_ROWS = "20260817000000_shadow_eval_multi_key"
"""Migrations of the LiteLLM that the lab runs, by what they do; a new release may have none of these names."""


@dataclass
class Migrations:
    """An empty database, and Jobs like the deployed one that work on it."""

    kubectl: cluster.Kubectl
    template: Document
    database: str

    @property
    def secret(self) -> str:
        """The Secret with the database's URL; Jobs carry it in their names, too."""
        return self.database.replace("_", "-")

    def start(self, name: str, *, only_check: bool = False, retries: int | None = None) -> str:
        """Start a Job and return its name; the check alone changes nothing. None: the retries of the deployed Job."""
        spec = json.loads(json.dumps(self.template))
        pod = spec["template"]["spec"]
        if only_check:
            del pod["initContainers"]
        if retries is not None:
            spec["backoffLimit"] = retries
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            for variable in container["env"]:
                if variable["name"] == "DATABASE_URL":
                    variable["valueFrom"]["secretKeyRef"]["name"] = self.secret
        job = f"{self.secret}-{name}"
        metadata = {"name": job, "namespace": GATEWAY}
        self.kubectl.apply([{"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}])
        return job

    def ended(self, job: str) -> str:
        """`Complete` or `Failed`, once the Job is one of them."""
        wait_until(lambda: self._condition(job), f"the end of {job}", JOB_SECONDS)
        return self._condition(job)

    def said(self, job: str, container: str = "check") -> str:
        """What one of the containers of the Job's newest pod printed."""
        select = ["--namespace", GATEWAY, f"--selector=job-name={job}", "--sort-by=.metadata.creationTimestamp"]
        newest = self.kubectl.run("get", "pods", *select, "--output=name").split()[-1]
        return self.kubectl.run("logs", newest, "--namespace", GATEWAY, f"--container={container}")

    def query(self, sql: str, database: str | None = None) -> str:
        """Run SQL in the database and return its rows."""
        command = ["psql", "--username=litellm", f"--dbname={database or self.database}", "--no-align", "--tuples-only"]
        where = ["exec", "--namespace", GATEWAY, DATABASE_POD, "--container=postgresql", "--"]
        return self.kubectl.run(*where, *command, "--command", sql).strip()

    def tables(self) -> int:
        """How many tables there are."""
        return int(self.query(TABLES))

    def forget_end_of(self, *names: str) -> None:
        """Leave the history as a migration leaves it that was killed before it recorded its end."""
        listed = ", ".join(f"'{name}'" for name in names)
        forget = "update _prisma_migrations set finished_at = null, applied_steps_count = 0 where migration_name in"
        assert self.query(f"{forget} ({listed})") == f"UPDATE {len(names)}"

    def unfinished(self) -> int:
        """How many migrations began, have no end, and were not given up."""
        return int(
            self.query("select count(*) from _prisma_migrations where finished_at is null and rolled_back_at is null")
        )

    def _condition(self, job: str) -> str:
        status = json.loads(self.kubectl.run("get", "job", job, "--namespace", GATEWAY, "--output=json"))["status"]
        ended = {"Complete", "Failed"}
        return next((entry["type"] for entry in status.get("conditions", []) if entry["type"] in ended), "")


@pytest.fixture
def migrations(team: TeamPlatform, kubectl: cluster.Kubectl) -> Generator[Migrations]:
    (deployed,) = kubectl.items("jobs", "--namespace", GATEWAY, "--selector=app.kubernetes.io/name=gateway-migration")
    spec: Document = json.loads(json.dumps(deployed))["spec"]
    template: Document = {"spec": spec["template"]["spec"]}
    database = f"migration_{secrets.token_hex(4)}"
    jobs: Document = {key: spec[key] for key in ("activeDeadlineSeconds", "backoffLimit")} | {"template": template}
    found = Migrations(kubectl, jobs, database)
    found.query(f"create database {database}", "litellm")
    url = team.access.secret_value(GATEWAY, "gateway", "database-url")
    server, _, _ = url.rpartition("/")
    data = {"database-url": base64.b64encode(f"{server}/{database}".encode()).decode()}
    secret = {"name": found.secret, "namespace": GATEWAY}
    kubectl.apply([{"apiVersion": "v1", "kind": "Secret", "metadata": secret, "data": data}])
    yield found
    kubectl.run("delete", "secret", found.secret, "--namespace", GATEWAY)
    for name in kubectl.run("get", "jobs", "--namespace", GATEWAY, "--output=name").split():
        if name.startswith(f"job.batch/{found.secret}"):
            kubectl.run("delete", name, "--namespace", GATEWAY, "--cascade=foreground", timeout=120)
    found.query(f"drop database {database} with (force)", "litellm")


def test_two_migrations_at_once_on_an_empty_database_apply_each_script_once(migrations: Migrations) -> None:
    """Their Jobs may try again: of two that meet, PostgreSQL may end an index to undo a deadlock."""
    first, second = migrations.start("first"), migrations.start("second")

    assert (migrations.ended(first), migrations.ended(second)) == ("Complete", "Complete")
    history = "from _prisma_migrations where rolled_back_at is null"
    applied = migrations.query(f"select count(*), count(distinct migration_name), count(finished_at) {history}")
    assert len(set(applied.split("|"))) == 1
    assert int(applied.split("|")[0]) > SCRIPTS
    assert migrations.tables() > WHOLE


@pytest.mark.full
def test_a_migration_killed_halfway_is_finished_by_its_job_beside_another_one(migrations: Migrations) -> None:
    first, second = migrations.start("first"), migrations.start("second")

    def begun() -> bool:
        return migrations.tables() > 0

    wait_until(begun, "the first table", JOB_SECONDS)
    killed = [
        migrating
        for job in (first, second)
        for migrating in containers(migrations.kubectl, GATEWAY, f"job-name={job}", "migrate")
    ]
    assert killed, "nothing was migrating any more"
    assert migrations.tables() <= WHOLE, "the migration was through already"
    for migrating in killed:
        migrating.kill()
    assert (migrations.ended(first), migrations.ended(second)) == ("Complete", "Complete")
    assert migrations.tables() > WHOLE
    assert "complete" in migrations.said(first)


@pytest.mark.full
def test_a_migration_whose_end_was_not_recorded_is_finished_without_a_person(migrations: Migrations) -> None:
    assert migrations.ended(migrations.start("whole")) == "Complete"
    migrations.forget_end_of(MAKES_A_TABLE, MAKES_ANOTHER_TABLE, MAKES_AN_INDEX)
    migrations.query('drop table "LiteLLM_UISettings"')

    again = migrations.start("again")

    assert migrations.ended(again) == "Complete"
    told = migrations.said(again, "finish")
    assert f"{MAKES_A_TABLE} was interrupted after its changes were kept, and is finished." in told
    assert f"{MAKES_ANOTHER_TABLE} was interrupted and is finished." in told
    assert f"{MAKES_AN_INDEX} was interrupted and begins again." in told
    assert migrations.unfinished() == 0
    assert migrations.query("""select to_regclass('"LiteLLM_UISettings"') is not null""") == "t"


@pytest.mark.full
def test_a_migration_that_changes_rows_is_left_to_a_person_who_is_told_which(migrations: Migrations) -> None:
    assert migrations.ended(migrations.start("whole")) == "Complete"
    migrations.forget_end_of(CHANGES_ROWS)

    again = migrations.start("again", retries=0)

    assert migrations.ended(again) == "Failed"
    assert f"{CHANGES_ROWS} was interrupted and cannot be finished here." in migrations.said(again, "finish")
    assert CHANGES_ROWS in migrations.said(again, "migrate")
    assert "resolve --applied" in migrations.said(again, "migrate")


@pytest.mark.full
def test_an_empty_and_a_half_migrated_schema_fail_the_check(migrations: Migrations) -> None:
    empty = migrations.start("empty", only_check=True, retries=0)
    assert migrations.ended(empty) == "Failed"
    assert "The schema is incomplete" in migrations.said(empty)
    migrations.query('create table "LiteLLM_TeamTable" (team_id text)')
    half = migrations.start("half", only_check=True, retries=0)
    assert migrations.ended(half) == "Failed"
    assert "must not roll" in migrations.said(half)
