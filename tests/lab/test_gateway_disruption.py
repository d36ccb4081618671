"""A node that is drained takes one gateway replica at a time, and the model answers all the while.

`kubectl drain` asks the eviction API for each pod, and goes on asking where it is told 429.
"""

import json

import pytest

from lab import cluster
from tests.lab.faults import RECOVERY_SECONDS, wait_gone, wait_ready, wait_until
from tests.lab.load import Load, service_url
from tests.lab.platform import GATEWAY, MODEL, TENANT, TeamPlatform
from tests.lab.requests import Answer, Requester

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]

SELECTOR = "app.kubernetes.io/name=gateway"
GONE_SECONDS = 300.0
TOLD_TO_WAIT = "TooManyRequests"
"""What `kubectl` calls a 429."""


def evict(kubectl: cluster.Kubectl, pod: str, *, dry_run: bool = False) -> Answer:
    """Ask the eviction API for a pod; a dry run is judged by the budget alike, and takes nothing away."""
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": GATEWAY},
        "deleteOptions": {"dryRun": ["All"] if dry_run else []},
    }
    path = f"/api/v1/namespaces/{GATEWAY}/pods/{pod}/eviction"
    return Requester(kubectl).call("create", "--raw", path, "--filename", "-", given=eviction)


def ready(kubectl: cluster.Kubectl) -> set[str]:
    """The replicas that are ready and not being ended."""
    listed = json.loads(kubectl.run("get", "pods", "--namespace", GATEWAY, "--selector", SELECTOR, "--output=json"))
    return {
        pod["metadata"]["name"]
        for pod in listed["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and any((one["type"], one["status"]) == ("Ready", "True") for one in pod["status"].get("conditions", []))
    }


def may_go(kubectl: cluster.Kubectl) -> int:
    """How many replicas may be evicted now, as the disruption controller has counted."""
    where = ("poddisruptionbudget", "gateway", "--namespace", GATEWAY)
    return int(kubectl.run("get", *where, "--output=jsonpath={.status.disruptionsAllowed}"))


def wait_replaced(kubectl: cluster.Kubectl, pod: str) -> None:
    """Wait until another replica is ready in an evicted one's place, and the next one may go."""
    wait_until(lambda: len(ready(kubectl) - {pod}) == 2, f"the replacement of {pod} is ready")
    wait_until(lambda: may_go(kubectl) == 1, "the next one may go")


def test_one_replica_may_be_evicted_and_the_second_only_once_the_first_is_replaced(
    team: TeamPlatform, kubectl: cluster.Kubectl
) -> None:
    load = Load(
        service_url(kubectl),
        team.keys[TENANT],
        MODEL,
        concurrency=2,
        pause_seconds=0.5,
        seconds=900,
        request_seconds=180,
    )
    wait_ready(kubectl, GATEWAY, "deployment/gateway")
    wait_until(lambda: may_go(kubectl) == 1, "one replica may go")
    first, second = sorted(ready(kubectl))
    try:
        with load.running() as run:
            run.wait_for_answers(4, RECOVERY_SECONDS)
            taken = evict(kubectl, first)
            assert taken.passed, taken.said
            refused = [evict(kubectl, second), evict(kubectl, second, dry_run=True)]
            alone = ready(kubectl)
            wait_replaced(kubectl, first)
            before = ready(kubectl)
            allowed = evict(kubectl, second)
            remaining = ready(kubectl)
            wait_replaced(kubectl, second)
            wait_gone(kubectl, GATEWAY, [first, second], GONE_SECONDS)
            run.wait_for_answers(4, RECOVERY_SECONDS)
    finally:
        wait_ready(kubectl, GATEWAY, "deployment/gateway")
    print(run.report.summary())

    assert [answer.passed for answer in refused] == [False, False], refused
    assert all(TOLD_TO_WAIT in answer.said and "disruption budget" in answer.said for answer in refused), refused
    assert alone == {second}
    assert allowed.passed, allowed.said
    assert remaining == before - {second}
    assert run.report.unanswered == ()
