"""Limits and budgets are the tenant's, not each replica's: two replicas count together."""

import time

import pytest

from lab.cluster import Kubectl
from tests.lab.accounts import account
from tests.lab.answers import LEAKS, assert_error, assert_tells_nothing, send, until_refused
from tests.lab.faults import wait_until
from tests.lab.ledger import DUST, SETTLE_SECONDS, Ledger
from tests.lab.limits import BURST_SECONDS, PAUSE_SECONDS, REPLICAS, burst, price_of_one
from tests.lab.load import Ending
from tests.lab.platform import GATEWAY, MODEL, TeamPlatform, pods

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

LIMIT = 60
WINDOW_SECONDS = BURST_SECONDS
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}
CALLS = 5
LEAST_BUDGET = 0.000001
"""US dollars, which the first call spends."""
PERIOD = "30s"
RESET_SECONDS = 1300.0
"""LiteLLM looks every ten minutes for periods that are over, each replica by its own clock; twice, as one look may fail
where a machine has too much to do."""
LOOK_SECONDS = 10.0


def served(kubectl: Kubectl, pod: str) -> int:
    """How many chat completions a replica has answered or refused since it started."""
    log = kubectl.run("logs", "--namespace", GATEWAY, pod, "--container", "litellm")
    return sum("POST /v1/chat/completions" in line for line in log.splitlines())


def test_a_key_of_sixty_requests_a_minute_gets_sixty_of_two_replicas(team: TeamPlatform, kubectl: Kubectl) -> None:
    replicas = pods(kubectl, GATEWAY, REPLICAS)
    assert len(replicas) == 2
    before = [served(kubectl, pod) for pod in replicas]
    with account(team, rpm_limit=LIMIT) as made:
        report = burst(kubectl, made, LIMIT + 20)
    after = [served(kubectl, pod) for pod in replicas]

    assert report.seconds < WINDOW_SECONDS, "the machine was too slow to ask so often within a minute"
    assert len(report.answered) == LIMIT, report.summary()
    refused = [outcome for outcome in report.outcomes if outcome.ending is Ending.REFUSED]
    assert {outcome.status for outcome in refused} == {429}
    assert all(f"The limit of {LIMIT} requests per minute is reached." in outcome.message for outcome in refused)
    assert [outcome.message for outcome in refused if LEAKS.search(outcome.message)] == []
    assert all(later - earlier >= 10 for earlier, later in zip(before, after, strict=True)), "one replica stood aside"


def test_a_key_below_its_limit_is_refused_nothing(team: TeamPlatform, kubectl: Kubectl) -> None:
    with account(team, rpm_limit=LIMIT) as made:
        report = burst(kubectl, made, LIMIT // 4)
    assert len(report.answered) == LIMIT // 4, report.summary()


def test_a_spent_request_limit_is_told_with_when_to_come_back(team: TeamPlatform) -> None:
    with account(team, rpm_limit=1) as made, team.gateway() as port:
        first, answer = [send(f"http://127.0.0.1:{port}", made.key, HELLO) for _ in range(2)]
    assert first.status == 200, first.text
    assert_error(answer, 429, "rate_limit_exceeded")
    assert_tells_nothing(answer, made.team)
    assert answer.error["type"] == "requests"
    assert answer.error["message"] == "The limit of 1 requests per minute is reached."
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_SECONDS


@pytest.mark.full
def test_a_budget_binds_after_the_calls_that_it_pays_for_and_at_a_replica_that_has_just_started(
    team: TeamPlatform, kubectl: Kubectl
) -> None:
    price = price_of_one(team, kubectl)
    with account(team, max_budget=price * (CALLS - 0.5)) as made:
        first = burst(kubectl, made, CALLS + 5, concurrency=1, pause_seconds=PAUSE_SECONDS)
        assert len(first.answered) == CALLS, first.summary()
        assert {outcome.status for outcome in first.refused} == {429}
        assert all("budget is spent" in outcome.message for outcome in first.refused)

        gone = pods(kubectl, GATEWAY, REPLICAS)[0]
        kubectl.run("delete", "pod", "--namespace", GATEWAY, gone, "--wait=true", timeout=400)
        kubectl.run("rollout", "status", "deployment/gateway", "--namespace", GATEWAY, "--timeout=600s", timeout=620)
        fresh = next(pod for pod in pods(kubectl, GATEWAY, REPLICAS) if served(kubectl, pod) == 0)
        deadline = time.monotonic() + WINDOW_SECONDS
        while served(kubectl, fresh) == 0 and time.monotonic() < deadline:
            again = burst(kubectl, made, 6, concurrency=1)
            assert again.answered == (), again.summary()
        assert served(kubectl, fresh) > 0, "the new replica was never asked"


@pytest.mark.full
@pytest.mark.timeout(2100)
def test_a_spent_budget_opens_again_after_its_period_and_what_was_spent_in_it_stays_in_the_log(
    team: TeamPlatform, kubectl: Kubectl
) -> None:
    with account(team, max_budget=LEAST_BUDGET, budget_duration=PERIOD) as made, team.gateway() as port:
        gateway, ledger = f"http://127.0.0.1:{port}", Ledger(kubectl, made.key)
        assert send(gateway, made.key, HELLO).status == 200
        refused = until_refused(gateway, made.key, HELLO)
        wait_until(lambda: ledger.balance().team > 0, "what was spent is summed", SETTLE_SECONDS)
        before = ledger.at_rest()

        def is_open() -> bool:
            time.sleep(LOOK_SECONDS)
            return send(gateway, made.key, HELLO).status == 200

        seconds = wait_until(is_open, "the budget is open again", RESET_SECONDS)
        once_more = until_refused(gateway, made.key, HELLO)
        wait_until(lambda: len(ledger.balance().entries) > len(before.entries), "it is recorded", SETTLE_SECONDS)
        after = ledger.at_rest()
    print(f"a budget of {PERIOD} was open again {seconds:.0f} s after its spend was at rest")
    for answer in (refused, once_more):
        assert_error(answer, 429, "insufficient_quota")
    assert before.entries.items() <= after.entries.items()
    assert abs(after.team - after.since(before).logged) < DUST
    assert abs(after.key - after.logged) < DUST
