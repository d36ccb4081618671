"""SR3 on the lab: a budget binds where two replicas count it together, across a restart of one, and in a rush.

A call is let in where the budget has room for its estimate, which LiteLLM sets aside in the shared counters before the
engine is asked, and is charged by the engine's count once it is answered.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from lab.cluster import Kubectl
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab.accounts import account
from tests.lab.governed import GovernedPlatform
from tests.lab.limits import PAUSE_SECONDS, REPLICAS, burst, price_of_one, statuses
from tests.lab.load import Report
from tests.lab.platform import GATEWAY, TeamPlatform, pods

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

CALLS = 20
"""That a budget pays for. That all of them come to one of two replicas happens once in half a million times."""
BEYOND = 4
RUSH = 12
"""Calls at once."""
RUSHED = 80
UNCHARGED = 2 * RUSH
"""Calls that may be under way, or answered and not charged yet: as many of these as of those, on a busy machine."""


@pytest.fixture(scope="module")
def platform(governed: GovernedPlatform, kubectl: Kubectl, access: ClusterAccess) -> TeamPlatform:
    made = TeamPlatform(governed.stack, access)
    assert len(pods(kubectl, GATEWAY, REPLICAS)) == 2
    return made


@pytest.fixture(scope="module")
def price(platform: TeamPlatform, kubectl: Kubectl) -> float:
    """What one call costs."""
    return price_of_one(platform, kubectl)


def answered_by(kubectl: Kubectl, replicas: Sequence[str]) -> list[int]:
    """How many completions each of the replicas has answered since it started."""
    return [statuses(kubectl, pod)[200] for pod in replicas]


def assert_the_rest_was_refused(report: Report) -> None:
    assert report.lost == (), report.summary()
    assert {outcome.status for outcome in report.refused} == {429}, report.summary()
    assert all("budget is spent" in outcome.message for outcome in report.refused), report.summary()


def test_a_budget_binds_after_the_calls_that_it_pays_for_whichever_replica_answers_them(
    platform: TeamPlatform, kubectl: Kubectl, price: float
) -> None:
    replicas = pods(kubectl, GATEWAY, REPLICAS)
    before = answered_by(kubectl, replicas)
    with account(platform, max_budget=price * CALLS) as made:
        report = burst(kubectl, made, CALLS + BEYOND, concurrency=1, pause_seconds=PAUSE_SECONDS)
    after = answered_by(kubectl, replicas)

    assert len(report.answered) == CALLS, report.summary()
    assert_the_rest_was_refused(report)
    shares = [later - earlier for earlier, later in zip(before, after, strict=True)]
    assert sum(shares) == CALLS
    assert all(shares), f"one replica answered none: {shares}"


def test_a_rush_spends_no_more_beyond_the_budget_than_what_is_not_charged_yet(
    platform: TeamPlatform, kubectl: Kubectl, price: float, record_property: Any
) -> None:
    """Of each such call the estimate alone is set aside, and it may come to more: by less than the call's price."""
    with account(platform, max_budget=price * CALLS) as made:
        report = burst(kubectl, made, RUSHED, concurrency=RUSH)
    beyond = len(report.answered) - CALLS
    found = f"{beyond} of {RUSH} calls at once, {beyond / CALLS:.0%} of a budget of {CALLS} calls"
    print(f"overshoot of a budget in a rush: {found}")
    record_property("budget_overshoot", found)

    assert_the_rest_was_refused(report)
    assert 0 <= beyond < UNCHARGED, report.summary()


@pytest.mark.full
def test_a_budget_goes_on_where_it_was_when_a_replica_was_restarted_in_its_midst(
    platform: TeamPlatform, kubectl: Kubectl, price: float
) -> None:
    with account(platform, max_budget=price * CALLS) as made:
        first = burst(kubectl, made, CALLS // 2, concurrency=1, pause_seconds=PAUSE_SECONDS)
        assert len(first.answered) == CALLS // 2, first.summary()

        gone, stays = pods(kubectl, GATEWAY, REPLICAS)
        kubectl.run("delete", "pod", "--namespace", GATEWAY, gone, "--wait=true", timeout=700)
        kubectl.run("rollout", "status", "deployment/gateway", "--namespace", GATEWAY, "--timeout=600s", timeout=620)
        (fresh,) = set(pods(kubectl, GATEWAY, REPLICAS)) - {stays}
        before = answered_by(kubectl, [fresh, stays])
        second = burst(kubectl, made, CALLS, concurrency=1, pause_seconds=PAUSE_SECONDS)
        after = answered_by(kubectl, [fresh, stays])

    assert len(second.answered) == CALLS - CALLS // 2, second.summary()
    assert_the_rest_was_refused(second)
    shares = [later - earlier for earlier, later in zip(before, after, strict=True)]
    assert all(shares), f"one replica answered none: {shares}"
