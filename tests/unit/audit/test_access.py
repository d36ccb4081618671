"""Rights: what is asked, of whom, and what the answer says."""

from infra.audit.access import load_access_list, probe_access, rights
from infra.audit.cluster import Answer
from infra.audit.results import Outcome
from infra.audit.scene import scenes_of
from infra.config.trust import ControlId
from tests.unit.audit.fake_cluster import Asked, FakeCluster
from tests.unit.audit.stacks import platform

LIST = load_access_list()
SCENE = scenes_of(platform("partitioned").blueprint, "node")[0]
MUST_NOT = {
    ("create", "serviceaccounts/token"),
    ("impersonate", "users"),
    ("bind", "roles"),
    ("escalate", "roles"),
    ("delete", "networkpolicies"),
    ("patch", "resourcequotas"),
    ("create", "localqueues"),
    ("create", "policyexceptions"),
    ("patch", "nodes"),
    ("list", "secrets"),
}


def test_whatever_would_lift_a_control_is_asked_about():
    asked = {(right.verb, right.resource) for right in rights(LIST, SCENE, to_work=True) if not right.allowed}
    assert asked >= MUST_NOT


def test_no_right_is_both_needed_and_denied():
    needed = {right.name for right in rights(LIST, SCENE, to_work=True) if right.allowed}
    assert not needed & {right.name for right in rights(LIST, SCENE, to_work=True) if not right.allowed}


def test_an_identity_that_may_do_everything_fails_and_one_that_may_do_nothing_cannot_work():
    for allowed in (True, False):
        cluster = FakeCluster(lambda _, allowed=allowed: Answer(201, {"status": {"allowed": allowed}}))
        found = probe_access(cluster, LIST, [SCENE], frozenset(ControlId))
        failed = {one.attack for one in found if one.outcome is Outcome.FAILS}
        assert failed == {allowed}


def test_pods_of_the_tenant_are_reviewed_as_well_and_need_no_right():
    def answer(asked: Asked) -> Answer:
        assert asked.body is not None
        return Answer(201, {"status": {"allowed": False}})

    cluster = FakeCluster(answer)
    found = probe_access(cluster, LIST, [SCENE], frozenset(ControlId))
    account = f"system:serviceaccount:{SCENE.namespace}:default"
    assert {one.outcome for one in found if one.identity == account} == {Outcome.HOLDS}
