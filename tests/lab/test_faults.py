"""What breaks under load, what is lost with it, and that all of it comes back without a person.

Requests that a killed process held may be lost, and the tests say how many; no other request is, no answer is wrong,
nothing that the database holds is lost, and no key stops working. Who gets an error has asked while something was
broken, or right after.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from components.observability.alerts import DATABASE_DOWN, Alert
from lab import cluster
from tests.lab.faults import (
    RECOVERY_SECONDS,
    containers,
    restart_part,
    rolled,
    scaled_to_zero,
    small_volume,
    wait_for_successor,
    wait_gone,
    wait_ready,
    wait_restarted,
    wait_until,
)
from tests.lab.incidents import (
    CONCURRENCY,
    REFUSALS,
    Fault,
    Scene,
    nothing_but,
    nothing_recorded_is_lost,
    only_meanwhile,
    scene_of,
)
from tests.lab.ledger import DUST, PRICE, Ledger
from tests.lab.load import Outcome, Report, RunningLoad
from tests.lab.platform import ENGINES, GATEWAY, OBSERVABILITY, TeamPlatform
from tests.lab.prometheus_api import PrometheusApi

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1500)]

GATEWAY_PODS = "app.kubernetes.io/name=gateway"
ENGINE_PODS = "app.kubernetes.io/name=engine"
DATABASE_PODS = "app.kubernetes.io/name=database"
CACHE_PODS = "app.kubernetes.io/name=cache"
UNWRITTEN_SECONDS = 8
"""How far back a killed gateway replica forgets: LiteLLM writes every one to six seconds, and a write takes time."""
UNSUMMED_SECONDS = 2 * UNWRITTEN_SECONDS
"""How far back the sums go that are with Redis: one replica takes there what another one has brought."""
LOAD_SECONDS = 30.0
"""How long a load lasts around what is over in a moment: until after what might come of it."""
VOLUME_MEBIBYTES = 256
OUTAGE_SECONDS = 30
"""Longer than LiteLLM's own retries of a write, about fifteen seconds."""
NOTICED_SECONDS = 90.0
"""How long after what was broken is ready again a request may still be refused: until requests are sent there, and for
the rest of the minute whose limit the caller's own tries have used up."""
RECONNECTED_SECONDS = 120.0
"""The same after a database was away: each replica looks for it at intervals of its own."""
ALARM_SECONDS = DATABASE_DOWN.minutes * 60 + 120.0
"""How long an outage may last before its alert fires: what the alert waits for, and what it takes to notice."""
GONE_SECONDS = 300.0
"""In which a replica ends that is told to: it holds no long answer here."""


@pytest.fixture
def scene(team: TeamPlatform, kubectl: cluster.Kubectl) -> Scene:
    return scene_of(team, kubectl)


def test_a_killed_redis_costs_no_request_and_no_spend(scene: Scene, kubectl: cluster.Kubectl) -> None:
    (redis,) = containers(kubectl, GATEWAY, CACHE_PODS, "redis")
    with scene.incident("Redis killed", LOAD_SECONDS) as found:
        redis.kill()
        wait_restarted(kubectl, GATEWAY, CACHE_PODS, redis)
    nothing_but(found, lost=0)
    nothing_recorded_is_lost(found)


def test_a_deleted_redis_pod_costs_no_request_and_of_the_sums_its_last_seconds_alone(
    scene: Scene, kubectl: cluster.Kubectl
) -> None:
    """Its log of changes goes with it, and with that the sums on their way to the database; the spend log does not."""
    (redis,) = containers(kubectl, GATEWAY, CACHE_PODS, "redis")
    with scene.incident("Redis' pod deleted", LOAD_SECONDS) as found, found.fault():
        deleted = time.time()
        kubectl.run("delete", "pod", redis.pod, "--namespace", GATEWAY, "--wait=true", timeout=90)
        gone = time.time()
        wait_for_successor(kubectl, GATEWAY, CACHE_PODS, redis)
    nothing_but(found, lost=0)
    assert found.unrecorded == 0, found.report.summary()
    at_risk = found.answered_between(deleted - UNSUMMED_SECONDS, gone + 1)
    assert -DUST < found.unsummed <= cost(at_risk) + DUST
    assert abs(found.added.team - found.added.key) < DUST


def test_a_killed_gateway_replica_costs_what_it_held_and_the_spend_of_its_last_seconds(
    scene: Scene, kubectl: cluster.Kubectl
) -> None:
    victim = containers(kubectl, GATEWAY, GATEWAY_PODS, "litellm")[0]
    with scene.incident("gateway replica killed") as found, found.fault():
        killed = time.time()
        victim.kill()
        wait_restarted(kubectl, GATEWAY, GATEWAY_PODS, victim)
        wait_ready(kubectl, GATEWAY, "deployment/gateway")
    # What it held, and what was sent to it until the node had learnt that it is gone.
    nothing_but(found, lost=2 * CONCURRENCY, statuses={502, 503})
    assert len(found.report.refused) <= 2 * CONCURRENCY, found.report.summary()
    only_meanwhile(found.report, found.faults, NOTICED_SECONDS)
    at_risk = found.answered_between(killed - UNWRITTEN_SECONDS, killed + 1)
    assert set(found.added.missing(found.report.answered)) <= set(at_risk)
    # The log and the sums are written one after the other, so that the kill may come between them.
    assert abs(found.unsummed) <= cost(at_risk) + DUST
    assert abs(found.added.team - found.added.key) < DUST


def test_both_gateway_replicas_rolling_costs_nothing(scene: Scene, kubectl: cluster.Kubectl) -> None:
    with scene.incident("both replicas rolling") as found:
        before = rolled(kubectl, GATEWAY, "deployment/gateway", GATEWAY_PODS)
        wait_gone(kubectl, GATEWAY, before, GONE_SECONDS)
    nothing_but(found, lost=0)
    nothing_recorded_is_lost(found)


def test_a_killed_engine_is_back_by_itself_and_every_request_meanwhile_gets_an_answer_or_an_error(
    scene: Scene, kubectl: cluster.Kubectl
) -> None:
    (engine,) = containers(kubectl, ENGINES, ENGINE_PODS, "engine")
    with scene.incident("engine killed") as found, found.fault():
        engine.kill()
        found.run.wait_for(lambda report: bool(report.refused or report.lost), 60)
        wait_restarted(kubectl, ENGINES, ENGINE_PODS, engine)
    # A stream that had begun cannot be taken back: it ends where the engine ended.
    nothing_but(found, lost=CONCURRENCY, statuses=REFUSALS | {200})
    only_meanwhile(found.report, found.faults, NOTICED_SECONDS)
    nothing_recorded_is_lost(found)


def test_a_killed_database_and_a_longer_outage_lose_nothing_that_was_answered(
    scene: Scene, kubectl: cluster.Kubectl
) -> None:
    (database,) = containers(kubectl, GATEWAY, DATABASE_PODS, "postgresql")
    with scene.incident("PostgreSQL killed, then away") as found:
        with found.fault():
            database.kill()
            wait_restarted(kubectl, GATEWAY, DATABASE_PODS, database)
        found.recovered()
        before = failed(found.run.so_far())
        with found.fault(), scaled_to_zero(kubectl, GATEWAY, "statefulset/database"):
            # What a replica knows of a key serves for seconds; then no key can be checked, and nothing is answered.
            found.run.wait_for(lambda report: failed(report) > before, 120)
            unserved = len(found.run.so_far().answered)
            wait_until(lambda: quiet(found.run, OUTAGE_SECONDS), "the gateway refuses", 180)
            assert len(found.run.so_far().answered) <= unserved + 10 * CONCURRENCY
    # What the gateway has taken it answers or refuses, but for what a fault finds under way. Without the database no
    # replica is ready, so that after a while none is asked any more.
    nothing_but(found, lost=2 * CONCURRENCY, statuses=REFUSALS, unconnected=True)
    only_meanwhile(found.report, found.faults, RECONNECTED_SECONDS)
    nothing_recorded_is_lost(found)


def test_an_outage_of_the_database_that_lasts_wakes_the_operator_until_it_is_over(
    team: TeamPlatform, kubectl: cluster.Kubectl
) -> None:
    with team.access.forwarded_port(OBSERVABILITY, "prometheus", 9090) as port:
        prometheus = PrometheusApi(port)
        before = fires(prometheus, DATABASE_DOWN)
        with scaled_to_zero(kubectl, GATEWAY, "statefulset/database"):
            seconds = wait_until(lambda: fires(prometheus, DATABASE_DOWN), "the alert fires", ALARM_SECONDS)
        wait_until(lambda: not fires(prometheus, DATABASE_DOWN), "the alert is silent again")
    wait_ready(kubectl, GATEWAY, "deployment/gateway")
    print(f"{DATABASE_DOWN.name} fires {seconds:.0f} s after the database has gone")
    assert not before


def fires(prometheus: PrometheusApi, alert: Alert) -> bool:
    """Whether an alert fires now, as urgent as it is meant."""
    labels = f'alertname="{alert.name}", alertstate="firing", severity="{alert.severity}"'
    return bool(prometheus.query(f"ALERTS{{{labels}}}"))


@pytest.fixture
def serving_on(team: TeamPlatform) -> Generator[dict[str, Any]]:
    """The gateway with `database_outage: serve`; yields the stack's posture, and puts the gateway back afterwards."""
    gateway = {**team.stack.value("gateway"), "database_outage": "serve"}
    try:
        with team.stack.edited(gateway=gateway):
            team.stack.deploy()
            yield team.stack.engine.outputs()["posture"]
    finally:
        team.stack.deploy()


def test_a_gateway_that_serves_on_without_its_database_answers_and_says_that_it_checks_no_key(
    scene: Scene, kubectl: cluster.Kubectl, serving_on: dict[str, Any]
) -> None:
    """What is answered meanwhile is on nobody's account; what was recorded before stays, and all is checked again."""
    load = scene.load
    stranger = replace(load, key=f"sk-{'0' * 48}", concurrency=1, requests=1, seconds=60)
    ledger = Ledger(kubectl, load.key)
    before = ledger.at_rest()
    with load.running() as run:
        run.wait_for_answers(CONCURRENCY, RECOVERY_SECONDS)
        began = time.time()
        with scaled_to_zero(kubectl, GATEWAY, "statefulset/database"):
            # Until here a replica may have served on what it knew of the key.
            time.sleep(OUTAGE_SECONDS)
            run.wait_for_answers(4 * CONCURRENCY, 180)
            wait_until(lambda: stranger.run().answered, "a made-up key is let in, as the posture warns", 180)
            said = kubectl.run(
                *("logs", "--namespace", GATEWAY, "--selector", GATEWAY_PODS, "--container=litellm", "--tail=-1")
            )
        away = Fault(began, time.time())
        run.wait_for_answers(2 * CONCURRENCY, RECOVERY_SECONDS)
        wait_until(lambda: set(stranger.run().statuses) == {401}, "keys are checked again")
    scene.other_works()
    rest = ledger.at_rest()
    afterwards = replace(load, requests=2 * CONCURRENCY, seconds=120).run()
    added = ledger.settled(rest, afterwards.answered)

    print(f"PostgreSQL away, served on: {run.report.summary()}")
    assert run.report.wrong == run.report.lost == ()
    assert {outcome.status for outcome in run.report.refused} <= REFUSALS, run.report.summary()
    only_meanwhile(run.report, [away], RECONNECTED_SECONDS)
    assert "bulkhead:gateway.database_outage" in [finding["path"] for finding in serving_on["findings"]]
    assert "issuing restricted INTERNAL_USER fallback token" in said
    assert before.entries.items() <= rest.entries.items()
    assert rest.team >= before.team
    assert afterwards.unanswered == ()
    assert added.missing(afterwards.answered) == ()
    assert added.agrees, (added.team, added.key, added.logged)


def cost(answered: tuple[Outcome, ...]) -> Decimal:
    """What answers cost, in US dollars."""
    return Report(answered, 0.0).cost(*PRICE)


def failed(report: Report) -> int:
    """How many requests were lost, or refused for another reason than a limit of the caller's."""
    return len(report.lost) + sum(outcome.status != 429 for outcome in report.refused)


def quiet(run: RunningLoad, seconds: float) -> bool:
    """Whether the last requests of this many seconds were all refused."""
    outcomes = run.so_far().outcomes
    ended = max(outcome.began + outcome.seconds for outcome in outcomes)
    answered = max(outcome.began + outcome.seconds for outcome in run.so_far().answered)
    return ended - answered > seconds


def test_a_restarted_node_firewall_costs_nothing(scene: Scene, kubectl: cluster.Kubectl) -> None:
    with scene.incident("node firewall restarted", LOAD_SECONDS) as found:
        restart_part("kube-router")
    nothing_but(found, lost=0)
    nothing_recorded_is_lost(found)


def test_a_full_disk_of_the_database_loses_nothing_and_is_over_when_there_is_room(
    scene: Scene, kubectl: cluster.Kubectl
) -> None:
    began = time.time()
    stop_database(kubectl)
    try:
        with small_volume(kubectl, GATEWAY, "data-database-0", VOLUME_MEBIBYTES) as folder:
            start_database(kubectl)
            moved = Fault(began, time.time())
            try:
                with scene.incident("disk of the database full") as found, found.fault():
                    with filled(folder / "fill"):
                        found.run.wait_for(lambda report: bool(report.refused), 180)
                        time.sleep(OUTAGE_SECONDS)
                    wait_ready(kubectl, GATEWAY, "statefulset/database")
            finally:
                stop_database(kubectl)
    finally:
        start_database(kubectl)
    nothing_but(found, lost=2 * CONCURRENCY, statuses=REFUSALS, unconnected=True)
    only_meanwhile(found.report, [moved, *found.faults], RECONNECTED_SECONDS)
    nothing_recorded_is_lost(found)


def stop_database(kubectl: cluster.Kubectl) -> None:
    kubectl.run("scale", "statefulset/database", "--namespace", GATEWAY, "--replicas=0")
    kubectl.run("wait", "pod/database-0", "--namespace", GATEWAY, "--for=delete", "--timeout=120s", timeout=150)


def start_database(kubectl: cluster.Kubectl) -> None:
    kubectl.run("scale", "statefulset/database", "--namespace", GATEWAY, "--replicas=1")
    wait_ready(kubectl, GATEWAY, "statefulset/database")
    wait_ready(kubectl, GATEWAY, "deployment/gateway")


@contextmanager
def filled(file: Path) -> Generator[None]:
    """Fill the file system that a file is on to its last byte while the context lasts."""
    block = bytes(64 * 1024)
    try:
        with file.open("wb", buffering=0) as opened, pytest.raises(OSError, match="No space left"):
            for _ in range(VOLUME_MEBIBYTES * 2**20 // len(block)):
                opened.write(block)
        yield
    finally:
        file.unlink()
