"""A migration of the deployed database that is interrupted in the middle of a script, under load.

The schema is taken back by one index, which serving needs nothing of, and what makes that index is kept waiting: so the
migration is where the test wants it when it is killed. A model is repriced in the same update, so that replicas roll
once the migration is through, and no sooner.
"""

import json
import signal
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from components.gateway.migration import OBJECT_NAME
from lab import cluster
from tests.lab.database_locks import Mode, held, somebody_waits
from tests.lab.faults import containers, wait_gone, wait_until
from tests.lab.incidents import CONCURRENCY, Incident, Scene, nothing_but, nothing_recorded_is_lost, scene_of
from tests.lab.ledger import query
from tests.lab.local_stack import LocalStack
from tests.lab.platform import GATEWAY, TeamPlatform, pods

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(2400)]

GATEWAY_PODS = "app.kubernetes.io/name=gateway"
JOB_PODS = f"app.kubernetes.io/name={OBJECT_NAME}"
MIGRATION = "20260415120000_health_check_latest_per_model_index"
TABLE = "LiteLLM_HealthCheckTable"
INDEX = "LiteLLM_HealthCheckTable_model_id_model_name_checked_at_idx"
"""What it makes, in the LiteLLM that the lab runs; a new release may have none of these names."""
FORGET = "delete from _prisma_migrations where migration_name = '{migration}'"
RECORDS = """
select count(*) from _prisma_migrations
where migration_name = '{migration}' and rolled_back_at is null and finished_at is {ended} null
"""
WHOLE = "select indisvalid from pg_index where indexrelid = to_regclass('\"{index}\"')"
LOAD_SECONDS = 2000.0
UNDER_WAY_SECONDS = 300.0
UPDATE_SECONDS = 1200.0
GONE_SECONDS = 300.0


@pytest.fixture
def scene(team: TeamPlatform, kubectl: cluster.Kubectl) -> Scene:
    return scene_of(team, kubectl, LOAD_SECONDS)


@pytest.fixture
def earlier_schema(kubectl: cluster.Kubectl) -> None:
    """The database as the release before the migration has left it."""
    query(kubectl, f'drop index if exists "{INDEX}"')
    query(kubectl, FORGET.format(migration=MIGRATION))


@pytest.fixture
def repriced(team: TeamPlatform) -> Generator[LocalStack]:
    """The stack with another price, which is not deployed yet; as it was afterwards."""
    models = team.stack.value("models")
    models[0]["price"]["input_usd_per_million_tokens"] = 0.25
    try:
        with team.stack.edited(models=models):
            yield team.stack
    finally:
        team.stack.deploy()


def migrating_anew(stack: LocalStack) -> tuple[str, ...]:
    """What makes an update run the migration again, as another release of LiteLLM would."""
    resources: list[dict[str, Any]] = stack.engine.exported()["deployment"]["resources"]
    (job,) = [one["urn"] for one in resources if one["urn"].endswith(f"batch/v1:Job::{OBJECT_NAME}")]
    return ("--replace", job)


@contextmanager
def updating(stack: LocalStack) -> Generator[None]:
    """Update the stack while the context lasts, and until the update is through."""
    arguments = migrating_anew(stack)
    with ThreadPoolExecutor(1) as threads:
        update = threads.submit(stack.engine.up, "--suppress-progress", *arguments)
        yield
        update.result(UPDATE_SECONDS)


def records(kubectl: cluster.Kubectl, *, ended: bool) -> int:
    """How many records of the migration tell of its end, or lack it, but for those that were given up."""
    return int(query(kubectl, RECORDS.format(migration=MIGRATION, ended="not" if ended else "")))


def is_under_way(kubectl: cluster.Kubectl) -> bool:
    """Whether the migration has begun its script, and waits in it."""
    return records(kubectl, ended=False) == 1 and somebody_waits(kubectl, TABLE)


def kill_migration(kubectl: cluster.Kubectl, found: Incident, replicas: list[str]) -> None:
    """Kill it, while the replicas of before serve on."""
    (migrating,) = containers(kubectl, GATEWAY, JOB_PODS, "migrate")
    migrating.kill()
    found.run.wait_for_answers(2 * CONCURRENCY)
    assert set(pods(kubectl, GATEWAY, GATEWAY_PODS)) == set(replicas)


def said_by_the_last(kubectl: cluster.Kubectl) -> str:
    """What the Job's newest pod said of interrupted migrations."""
    select = ("--namespace", GATEWAY, f"--selector={JOB_PODS}", "--sort-by=.metadata.creationTimestamp")
    newest = kubectl.run("get", "pods", *select, "--output=name").split()[-1]
    return kubectl.run("logs", newest, "--namespace", GATEWAY, "--container=finish")


def phases(kubectl: cluster.Kubectl) -> set[str]:
    """How the Job's pods have ended."""
    listed = kubectl.run("get", "pods", "--namespace", GATEWAY, "--selector", JOB_PODS, "--output=json")
    return {pod["status"]["phase"] for pod in json.loads(listed)["items"]}


def assert_finished(kubectl: cluster.Kubectl) -> None:
    """The migration's end is recorded once, and what it makes is there and whole."""
    assert (records(kubectl, ended=True), records(kubectl, ended=False)) == (1, 0)
    assert query(kubectl, WHOLE.format(index=INDEX)).strip() == "t"


def assert_nothing_lost(found: Incident) -> None:
    nothing_but(found, lost=0)
    nothing_recorded_is_lost(found)


@pytest.mark.usefixtures("earlier_schema")
def test_a_migration_that_is_killed_in_its_middle_is_finished_by_its_job_and_the_update_goes_on(
    scene: Scene, kubectl: cluster.Kubectl, repriced: LocalStack
) -> None:
    replicas = pods(kubectl, GATEWAY, GATEWAY_PODS)
    with scene.incident("migration killed in an update") as found:
        with updating(repriced), held(kubectl, TABLE, Mode.INDEXES):
            wait_until(lambda: is_under_way(kubectl), "the migration is under way", UNDER_WAY_SECONDS)
            kill_migration(kubectl, found, replicas)
        wait_gone(kubectl, GATEWAY, replicas, GONE_SECONDS)
    assert_nothing_lost(found)
    assert_finished(kubectl)
    assert phases(kubectl) == {"Failed", "Succeeded"}
    assert f"{MIGRATION} was interrupted and begins again." in said_by_the_last(kubectl)


@pytest.mark.usefixtures("earlier_schema")
def test_an_update_that_is_killed_while_it_migrates_is_finished_by_the_next_one(
    scene: Scene, kubectl: cluster.Kubectl, repriced: LocalStack
) -> None:
    """Its Job goes with it, so that nothing in the cluster goes on by itself."""
    replicas = pods(kubectl, GATEWAY, GATEWAY_PODS)
    with scene.incident("update and its migration killed") as found:
        with held(kubectl, TABLE, Mode.INDEXES):
            ended = repriced.killed_up(lambda: is_under_way(kubectl), *migrating_anew(repriced))
            kill_migration(kubectl, found, replicas)
            where = ("--namespace", GATEWAY, "--selector", JOB_PODS)
            kubectl.run("delete", "jobs", *where, "--cascade=foreground", "--wait=true", timeout=150)
        repriced.deploy()
        wait_gone(kubectl, GATEWAY, replicas, GONE_SECONDS)
    assert ended == -signal.SIGKILL
    assert_nothing_lost(found)
    assert_finished(kubectl)
    assert f"{MIGRATION} was interrupted and begins again." in said_by_the_last(kubectl)
