"""What an answer says of a control, and what it does not."""

import pytest

from infra.audit.corpus import load_corpus
from infra.audit.judgement import Seen, judged
from infra.audit.mechanism import Mechanism, Refusal
from infra.audit.results import Outcome
from infra.config.trust import ControlId

CORPUS = load_corpus()
ATTACK = CORPUS.case("pod-without-queue")
ROLE_ATTACK = CORPUS.case("write-a-role")
WORK = CORPUS.case("gpu-pod")
CLAIMED = frozenset(ControlId)


def refused(mechanism: Mechanism, message: str = "SR2: no", **others: object) -> Seen:
    return Seen(Refusal(mechanism, message), **others)  # type: ignore[arg-type]


def test_an_attack_that_the_controls_own_policy_refused_shows_that_it_holds():
    assert judged(ATTACK, refused(Mechanism.POLICY), CLAIMED) is Outcome.HOLDS


def test_an_attack_that_is_admitted_shows_that_the_control_does_not_hold():
    assert judged(ATTACK, Seen(), CLAIMED) is Outcome.FAILS


@pytest.mark.parametrize("mechanism", [Mechanism.CORE, Mechanism.ABSENT, Mechanism.QUOTA, Mechanism.UNCLEAR])
def test_a_refusal_by_anything_else_says_nothing_of_the_control(mechanism: Mechanism):
    assert judged(ATTACK, refused(mechanism), CLAIMED) is Outcome.UNPROVEN


def test_a_policy_that_does_not_name_the_control_says_nothing_of_it():
    assert judged(ATTACK, refused(Mechanism.POLICY, "some other policy"), CLAIMED) is Outcome.UNPROVEN


def test_an_attack_that_only_the_role_refuses_is_one_that_admission_lets_through():
    assert judged(ATTACK, refused(Mechanism.ROLE, behind_the_role=Seen()), CLAIMED) is Outcome.FAILS
    behind = refused(Mechanism.POLICY)
    assert judged(ATTACK, refused(Mechanism.ROLE, behind_the_role=behind), CLAIMED) is Outcome.HOLDS


def test_whatever_refuses_after_the_role_has_said_yes_shows_that_the_role_does_not_hold():
    assert judged(ROLE_ATTACK, refused(Mechanism.ROLE), CLAIMED) is Outcome.HOLDS
    assert judged(ROLE_ATTACK, refused(Mechanism.CORE), CLAIMED) is Outcome.FAILS
    assert judged(ROLE_ATTACK, refused(Mechanism.ABSENT), CLAIMED) is Outcome.UNPROVEN


def test_of_a_control_that_is_not_claimed_nothing_is_said_whatever_was_seen():
    for seen in (Seen(), refused(Mechanism.POLICY), Seen(not_played="no such kind")):
        assert judged(ATTACK, seen, frozenset()) is Outcome.NOT_CLAIMED


def test_legitimate_work_has_to_pass_in_every_tier():
    for claimed in (CLAIMED, frozenset[ControlId]()):
        assert judged(WORK, Seen(), claimed) is Outcome.HOLDS
        assert judged(WORK, refused(Mechanism.POLICY), claimed) is Outcome.FAILS
        assert judged(WORK, refused(Mechanism.ROLE), claimed) is Outcome.FAILS


@pytest.mark.parametrize("mechanism", [Mechanism.BUSY, Mechanism.IMPERSONATION])
def test_what_nobody_has_looked_at_says_nothing_of_work_nor_of_roles(mechanism: Mechanism):
    for case in (WORK, ROLE_ATTACK, ATTACK):
        assert judged(case, refused(mechanism), CLAIMED) is Outcome.UNPROVEN
    undeclared = refused(Mechanism.ROLE, declared=False, behind_the_role=refused(mechanism))
    assert judged(WORK, undeclared, CLAIMED) is Outcome.UNPROVEN


def test_work_of_a_tenant_for_whom_nobody_acts_yet_is_an_administrators():
    seen = refused(Mechanism.ROLE, declared=False, behind_the_role=Seen())
    assert judged(WORK, seen, CLAIMED) is Outcome.HOLDS


def test_what_was_not_played_is_unproven_and_says_why():
    seen = Seen(not_played="the cluster has no kind JobSet")
    assert judged(ATTACK, seen, CLAIMED) is Outcome.UNPROVEN
    assert judged(WORK, seen, CLAIMED) is Outcome.UNPROVEN
    assert seen.words == "the cluster has no kind JobSet"


def test_a_policy_that_only_audits_is_quoted():
    assert "SR2: no" in Seen(warning="SR2: no").words
