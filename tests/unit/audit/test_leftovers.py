"""What an audit makes goes again, whatever happens."""

import os
import signal
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.audit.budgets import BudgetDoor
from infra.audit.caches import CacheDoor
from infra.audit.cluster import Answer
from infra.audit.errors import impossible
from infra.audit.leftovers import Leftovers
from infra.audit.results import Probe
from infra.audit.run import Doors, Wanted, audit
from infra.audit.signals import INTERRUPTIONS
from infra.faults import CommandFailedError
from tests.unit.audit.fake_cluster import Asked, FakeCluster
from tests.unit.audit.stacks import platform, platform_with_external_stores

ALLOWED = Answer(201, {"status": {"allowed": True}})


def no_caches() -> CacheDoor:
    raise AssertionError("the stack does not claim KV1")


def no_budgets() -> BudgetDoor:
    raise AssertionError("budgets are not among what is looked at")


CLOSED = Doors(no_caches, no_budgets)


def pod(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "place"}}


def test_everything_that_was_made_is_removed():
    cluster = FakeCluster()
    leftovers = Leftovers(cluster, "run")
    leftovers.make(pod("one"))
    leftovers.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "outside"}})
    assert len(cluster.objects) == 2
    leftovers.remove()
    assert cluster.objects == {}


def test_what_another_run_has_made_stays():
    cluster = FakeCluster()
    mine, other = Leftovers(cluster, "mine"), Leftovers(cluster, "other")
    mine.make(pod("one"))
    other.make(pod("two"))
    mine.remove()
    assert list(cluster.objects) == ["/api/v1/namespaces/place/pods/two"]


def test_nothing_can_be_made_after_the_removal():
    cluster = FakeCluster()
    leftovers = Leftovers(cluster, "run")
    leftovers.remove()
    assert not leftovers.make(pod("late")).accepted
    assert cluster.objects == {}


def test_what_does_not_go_is_named_with_the_way_to_remove_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("infra.audit.leftovers.GONE_SECONDS", 0)

    class Stubborn(FakeCluster):
        def call(self, method: str, path: str, *arguments: Any, **others: Any) -> Answer:
            return Answer(200, {}) if method == "DELETE" else super().call(method, path, *arguments, **others)

    leftovers = Leftovers(Stubborn(), "run")
    leftovers.make(pod("one"))
    with pytest.raises(CommandFailedError, match="pods/place/one") as raised:
        leftovers.remove()
    assert "kubectl delete pods --all-namespaces --selector bulkhead.dev/audit=run" in str(raised.value)


@dataclass
class Failing(FakeCluster):
    """Answers some requests as a server in trouble does: so often, then as always."""

    failures: dict[tuple[str, str], list[Answer | CommandFailedError]] = field(default_factory=dict[Any, Any])

    def fail(self, method: str, path: str, answer: Answer | CommandFailedError, times: int = 1000) -> None:
        self.failures = {(method, path): [answer] * times}

    def call(self, method: str, path: str, *arguments: Any, **others: Any) -> Answer:
        left = self.failures.get((method, path))
        if not left:
            return super().call(method, path, *arguments, **others)
        answer = left.pop()
        if isinstance(answer, CommandFailedError):
            raise answer
        return answer


FIRST = "/api/v1/namespaces/place/pods/one"
LIST = "/api/v1/namespaces/place/pods"
TROUBLE = [Answer(403, {"message": "no"}), Answer(429, {}), Answer(504, {}), impossible("it is away", "wait")]
EACH = pytest.mark.parametrize("trouble", TROUBLE, ids=["forbidden", "throttled", "timed out", "away"])


def two_pods(monkeypatch: pytest.MonkeyPatch) -> tuple[Failing, Leftovers]:
    monkeypatch.setattr("infra.audit.leftovers._AGAIN_SECONDS", 0.01)
    cluster = Failing()
    leftovers = Leftovers(cluster, "run")
    leftovers.make(pod("one"))
    leftovers.make(pod("two"))
    return cluster, leftovers


@EACH
@pytest.mark.parametrize(("method", "path"), [("DELETE", FIRST), ("GET", LIST)], ids=["deleted", "listed"])
def test_what_could_not_be_removed_at_first_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, trouble: Answer | CommandFailedError, method: str, path: str
):
    cluster, leftovers = two_pods(monkeypatch)
    cluster.fail(method, path, trouble, times=2)
    leftovers.remove()
    assert cluster.objects == {}


@EACH
def test_a_deletion_that_fails_keeps_no_other_object(
    monkeypatch: pytest.MonkeyPatch, trouble: Answer | CommandFailedError
):
    monkeypatch.setattr("infra.audit.leftovers.GONE_SECONDS", 0.1)
    cluster, leftovers = two_pods(monkeypatch)
    cluster.fail("DELETE", FIRST, trouble)
    with pytest.raises(CommandFailedError, match=r"pods/place/one \("):
        leftovers.remove()
    assert list(cluster.objects) == [FIRST]


@EACH
def test_where_nobody_can_look_nothing_is_taken_to_be_gone(
    monkeypatch: pytest.MonkeyPatch, trouble: Answer | CommandFailedError
):
    monkeypatch.setattr("infra.audit.leftovers.GONE_SECONDS", 0.1)
    cluster, leftovers = two_pods(monkeypatch)
    cluster.fail("GET", LIST, trouble)
    with pytest.raises(
        CommandFailedError, match="whether any pods in place of its own are left cannot be told"
    ) as told:
        leftovers.remove()
    assert "kubectl delete pods --all-namespaces --selector bulkhead.dev/audit=run" in str(told.value)


def test_of_a_kind_that_is_gone_nothing_is_left(monkeypatch: pytest.MonkeyPatch):
    cluster, leftovers = two_pods(monkeypatch)
    cluster.fail("GET", LIST, Answer(404, {}))
    leftovers.remove()


def test_an_interrupted_audit_leaves_nothing_behind():
    def interrupt(asked: Asked) -> Answer:
        if asked.dry and asked.path.endswith("/jobs"):
            raise KeyboardInterrupt
        return ALLOWED

    cluster = FakeCluster(interrupt)
    with pytest.raises(KeyboardInterrupt):
        audit(cluster, platform("governed"), Wanted("tests", (Probe.ADMISSION,)), doors=CLOSED)
    assert [asked for asked in cluster.asked if asked.method == "POST" and not asked.dry]
    assert cluster.objects == {}


def test_whoever_may_not_impersonate_is_told_so_before_anything_is_made():
    cluster = FakeCluster(lambda _: Answer(201, {"status": {"allowed": False}}))
    with pytest.raises(CommandFailedError, match="impersonate users"):
        audit(cluster, platform("governed"), Wanted("tests"), doors=CLOSED)
    assert cluster.objects == {}


def test_no_audit_begins_that_could_not_be_carried_through_and_removed(monkeypatch: pytest.MonkeyPatch):
    """Every right that an audit takes is asked about first."""
    for name in ("START_SECONDS", "CALL_SECONDS"):
        monkeypatch.setattr(f"infra.audit.packets.callers.{name}", 0.1)
    cluster = FakeCluster(lambda _: ALLOWED)
    of = platform_with_external_stores("governed")
    audit(cluster, of, Wanted("tests", (Probe.ADMISSION, Probe.PACKETS)), doors=CLOSED)
    reviewed = [asked.body["spec"]["resourceAttributes"] for asked in cluster.asked if is_review(asked) and asked.body]
    checked = {(right["verb"], right["group"], right["resource"]) for right in reviewed}
    taken = {right_of(asked) for asked in cluster.asked if not asked.dry and not is_review(asked)}
    seen_to_elsewhere = {("list", "", "nodes"), ("get", "", "services"), ("get", "discovery.k8s.io", "endpointslices")}
    assert ("delete", "rbac.authorization.k8s.io", "clusterrolebindings") in taken
    assert ("get", "", "secrets") in taken
    assert taken - seen_to_elsewhere <= checked
    impersonated = {kind for verb, _, kind in checked if verb == "impersonate"}
    assert impersonated == {"users", "groups", "serviceaccounts"}


def is_review(asked: Asked) -> bool:
    return asked.path.endswith("accessreviews")


def right_of(asked: Asked) -> tuple[str, str, str]:
    """What a request of the audit's own takes: its verb, API group and resource."""
    parts = asked.path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    plural, *name = rest[2:] if rest[0] == "namespaces" and len(rest) > 2 else rest
    verbs = {"POST": "create", "DELETE": "delete", "GET": "get" if name else "list"}
    return verbs[asked.method], group, plural


@pytest.mark.parametrize("number", INTERRUPTIONS)
def test_nothing_that_interrupts_an_audit_interrupts_its_removal(number: signal.Signals):
    def interrupt(doing: str) -> None:
        if doing.startswith("removing"):
            os.kill(os.getpid(), number)

    cluster = FakeCluster(lambda _: ALLOWED)
    before = signal.signal(number, signal.default_int_handler)
    try:
        audit(cluster, platform("governed"), Wanted("tests", (Probe.ADMISSION,)), interrupt, doors=CLOSED)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert [asked for asked in cluster.asked if asked.method == "POST" and not asked.dry]
    assert cluster.objects == {}
