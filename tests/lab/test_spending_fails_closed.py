"""SR3 on the lab: while the database is away nobody spends, and it is over when it is back."""

import time

import pytest

from components.gateway.configuration import KEY_CACHE_SECONDS
from lab.cluster import Kubectl
from tests.lab.faults import RECOVERY_SECONDS, scaled_to_zero, wait_until
from tests.lab.governed import GovernedPlatform
from tests.lab.ledger import Ledger
from tests.lab.load import Load, service_url
from tests.lab.platform import GATEWAY, MODEL, TENANT

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1500)]

REFUSALS = {500, 503}
OUTAGE_REQUESTS = 10
KEY_MEMORY_SECONDS = 2 * KEY_CACHE_SECONDS + 2
"""How long a replica may serve on what it knows of a key; what it serves meanwhile is counted and written later."""


def test_without_the_shared_counters_nothing_is_answered_and_with_them_everything_is(
    governed: GovernedPlatform, kubectl: Kubectl
) -> None:
    key = governed.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    few = Load(service_url(kubectl), key, MODEL, concurrency=1, requests=4, seconds=120)

    assert len(few.run().answered) == 4
    with scaled_to_zero(kubectl, GATEWAY, "deployment/cache"):
        away = few.run()
    assert away.answered == (), away.summary()
    assert {outcome.status for outcome in away.refused} <= REFUSALS, away.summary()
    wait_until(lambda: len(few.run().answered) == 4, "answers are back", RECOVERY_SECONDS)


def test_a_stopped_database_stops_spending_and_every_answer_is_paid_for(
    governed: GovernedPlatform, kubectl: Kubectl
) -> None:
    key = governed.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    ledger = Ledger(kubectl, key)
    before = ledger.at_rest()
    load = Load(service_url(kubectl), key, MODEL, concurrency=2, pause_seconds=0.5, seconds=RECOVERY_SECONDS * 2)
    with load.running() as run:
        run.wait_for_answers(2, RECOVERY_SECONDS)
        with scaled_to_zero(kubectl, GATEWAY, "statefulset/database"):
            run.wait_for(lambda report: len(report.refused) + len(report.lost) >= OUTAGE_REQUESTS, 180)
            time.sleep(KEY_MEMORY_SECONDS)
            unserved = len(run.so_far().answered)
            ended = len(run.so_far().outcomes)
            wait_until(lambda: len(run.so_far().outcomes) >= ended + OUTAGE_REQUESTS, "requests end", RECOVERY_SECONDS)
            assert len(run.so_far().answered) == unserved, "answered while nothing could be counted"
        run.wait_for_answers(2, RECOVERY_SECONDS)
    added = ledger.settled(before, run.report.answered)

    assert run.report.wrong == ()
    assert {outcome.status for outcome in run.report.refused} <= REFUSALS, run.report.summary()
    assert added.missing(run.report.answered) == ()
    assert added.agrees, (added.team, added.key, added.logged)
