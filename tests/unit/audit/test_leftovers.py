"""What an audit makes goes again, whatever happens."""

import os
import signal
from typing import Any

import pytest

from infra.audit.budgets import BudgetDoor
from infra.audit.caches import CacheDoor
from infra.audit.cluster import Answer
from infra.audit.leftovers import Leftovers
from infra.audit.results import Probe
from infra.audit.run import Doors, Wanted, audit
from infra.audit.signals import INTERRUPTIONS
from infra.faults import CommandFailedError
from tests.unit.audit.fake_cluster import Asked, FakeCluster
from tests.unit.audit.stacks import platform

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
    assert leftovers.left() == ["namespaces/outside", "pods/place/one"]
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
    assert "--selector bulkhead.dev/audit=run" in str(raised.value)


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
