"""Every change of the tier, of a cache and of the tenants under a steady load: nothing asked is lost, nothing kept is.

Each way is gone once from every tier to every other, in one round; an `up` on the way is killed, with a quarter, a half
or three quarters of its objects through, and made again. Three of the ways are those on which the platform comes to
where other tests want it.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from infra.cli import exit_codes
from infra.config.trust import Tier
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab import openai_like
from tests.lab.faults import wait_until
from tests.lab.ledger import SETTLE_SECONDS
from tests.lab.local_stack import STACK
from tests.lab.platform import GATEWAY, MODEL
from tests.lab.walk import Leg, Walker, print_table

pytestmark = [pytest.mark.lab, pytest.mark.timeout(10_800)]

T, G, P, A = Tier.TRUSTED, Tier.GOVERNED, Tier.PARTITIONED, Tier.ADVERSARIAL
NEWCOMER = "support"
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
def test_another_cache_loses_no_request_and_no_record(walker: Walker) -> None:
    """Salted and shared again the gateway rolls; switched off and on again the engines do."""
    models = walker.stack.value("models")

    def kept(isolation: str) -> Callable[[], None]:
        def change() -> None:
            changed = [{**one, "cache_isolation": isolation} if one["name"] == MODEL else one for one in models]
            walker.stack.edit(models=changed)
            walker.stack.deploy()

        return change

    way = ("shared", "salted", "off", "shared")
    with walker.in_use() as run:
        legs = [walker.leg(f"cache {was} > {now}", run, kept(now)) for was, now in pairwise(way)]
    print_table(legs)

    assert [leg.row() for leg in legs if leg.unanswered or leg.lost] == []


@pytest.mark.full
def test_a_tenant_who_comes_and_leaves_costs_the_others_nothing_and_its_own_spend_stays(
    walker: Walker, access: ClusterAccess
) -> None:
    tenants = walker.stack.value("tenants")
    newcomer = {**tenants[-1], "name": NEWCOMER, "subjects": [{"kind": "group", "name": f"{NEWCOMER}-team"}]}

    def listed(*entries: object) -> Callable[[], None]:
        def change() -> None:
            walker.stack.edit(tenants=list(entries))
            walker.stack.deploy()

        return change

    def status(key: str) -> int:
        with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
            return openai_like.chat_status(port, key, MODEL)

    def spent() -> Decimal:
        return walker.records().spend[f"teams/bulkhead-{NEWCOMER}"]

    with walker.in_use() as run:
        came = walker.leg("a tenant comes", run, listed(*tenants, newcomer), but_for=NEWCOMER)
        key = walker.stack.engine.outputs(show_secrets=True)["tenant_keys"][NEWCOMER]
        assert status(key) == 200
        wait_until(lambda: spent() > 0, "what the newcomer has spent", SETTLE_SECONDS)
        before = spent()
        left = walker.leg("a tenant leaves", run, listed(*tenants), but_for=NEWCOMER)
        assert status(key) in {401, 403}
    print_table([came, left])

    assert [leg.row() for leg in (came, left) if leg.unanswered or leg.lost] == []
    assert spent() >= before


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
