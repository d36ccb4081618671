"""Every change of the tier under a steady load: nothing that was asked is lost, and nothing that is kept.

Each way is gone once from every tier to every other, in one round; an `up` on the way is killed, with a quarter, a half
or three quarters of its objects through, and made again. Three of the ways are those on which the platform comes to
where other tests want it.
"""

from collections.abc import Sequence
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from infra.cli import exit_codes
from infra.config.trust import Tier
from tests.lab.local_stack import STACK
from tests.lab.walk import Leg, Walker, print_table

pytestmark = [pytest.mark.lab, pytest.mark.timeout(10_800)]

T, G, P, A = Tier.TRUSTED, Tier.GOVERNED, Tier.PARTITIONED, Tier.ADVERSARIAL
ROUND = (T, G, P, A, T, P, T, A, P, G, A, G, T)


def walked(walker: Walker, way: Sequence[Tier], kills: Sequence[float]) -> list[Leg]:
    """Every leg of the way; `kills` are taken in turn: the share of the objects after which an `up` is killed."""
    with walker.in_use() as run:
        legs = [
            walker.go(tier, run, killed_at=kills[number % len(kills)]) for number, (_, tier) in enumerate(pairwise(way))
        ]
    print_table(legs)
    return legs


def judge(walker: Walker, way: Sequence[Tier], kills: Sequence[float]) -> None:
    urns, kept = walker.urns(), walker.records()
    legs = walked(walker, way, kills)

    assert [leg.row() for leg in legs if leg.unanswered or leg.lost] == []
    assert walker.urns() == urns
    assert walker.records().lost_since(kept) == []


def test_three_changes_of_the_tier_lose_no_request_and_no_record(three_changes: Sequence[Leg]) -> None:
    """Into namespaces of the tenants' own, up to the top, and down again: each is where other tests go on."""
    print_table(three_changes)

    assert [leg.name for leg in three_changes] == [
        "trusted > partitioned",
        "partitioned > adversarial",
        "adversarial > governed",
    ]
    assert [leg.row() for leg in three_changes if leg.unanswered or leg.lost] == []


def test_whoever_lowers_a_tier_is_warned_before_and_while_it_goes_of_what_goes_and_nobody_else_is(
    three_changes: Sequence[Leg],
) -> None:
    *raised, lowered = three_changes

    assert [leg.warnings for leg in raised] == [{}, {}]
    assert lowered.warnings.keys() == {"preview", "up"}
    for command, warning in lowered.warnings.items():
        assert "The tier goes down from adversarial to governed. Reason: a test needs a lower tier." in warning, command
        assert "NS4 (" in warning, command


@pytest.mark.full
def test_all_twelve_changes_of_the_tier_lose_no_request_and_no_record_though_each_is_killed_once(
    walker: Walker,
) -> None:
    assert sorted(pairwise(ROUND)) == sorted(permutations(Tier, 2))

    judge(walker, ROUND, kills=(0.25, 0.5, 0.75))
    assert walker.stack.changes() == {}


@pytest.mark.full
def test_a_transition_that_was_killed_ends_by_what_the_documentation_says_and_loses_nothing(walker: Walker) -> None:
    """A runner that goes away takes the command along and leaves the lock; nothing but an operator's hands follows."""
    engine, began = walker.stack.engine, walker.records()

    def kill_and_carry_on() -> None:
        killed = walker.killed_transition(G, 0.5)
        assert killed.midway, (killed, killed.said)
        remove_empty_notes(walker.stack.state)
        refused = walker.bulkhead("transition", "--yes", status=exit_codes.FAILED)
        assert f"pulumi cancel --yes --stack {STACK}" in refused.stderr
        cancelled = engine.capture("cancel", "--yes")
        assert cancelled.status == 0, cancelled.stderr
        walker.bulkhead("transition", "--yes")

    with walker.in_use() as run:
        leg = walker.leg("trusted > governed, killed", run, kill_and_carry_on)
    print_table([leg])

    assert (leg.unanswered, leg.lost) == ((), [])
    assert engine.outputs()["posture"]["tier"] == G
    assert walker.stack.changes() == {}
    assert walker.records().lost_since(began) == []


def remove_empty_notes(state: Path) -> None:
    """What a folder as backend may need, as docs/how-to/raise-a-tier.md says."""
    for note in state.rglob("*.attrs"):
        if not note.stat().st_size:
            note.unlink()
