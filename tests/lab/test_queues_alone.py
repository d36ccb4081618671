"""`tier: trusted` with `enable: [SR2]` on the lab: GPUs are behind queues, and no other control came along."""

import json
from collections.abc import Generator

import pytest

from infra.blueprint.names import CONTROL_LABEL
from infra.controls.sr2_no_gpu_without_own_queue import POLICIES
from lab.cluster import Kubectl
from tests.lab.faults import wait_until
from tests.lab.packets import address_of, probing
from tests.lab.platform import (
    ENGINES,
    GATEWAY,
    OTHER_TENANT,
    TENANT,
    TENANT_NAMESPACE_PREFIX,
    WORKLOADS,
    GroupedPlatform,
    TeamPlatform,
    cooperative,
    tenants_of,
)
from tests.lab.queues import quota_decision
from tests.lab.requests import Answer, Requester
from tests.lab.workloads import GPU, QUEUE_LABEL, Manifest, job, lasting_gpu_job, pod, pod_spec

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1500)]

SECONDS = 120


def gpu_pod(queue: str | None = None) -> Manifest:
    return pod("asks-for-a-gpu", WORKLOADS, pod_spec(GPU), labels={QUEUE_LABEL: queue} if queue else {})


BARE = (gpu_pod(), job("bare", WORKLOADS, pod_spec(GPU)))
"""One for each policy that these tests meet."""


@pytest.fixture(scope="module")
def queues_alone(team: TeamPlatform, kubectl: Kubectl) -> Generator[GroupedPlatform]:
    """A team's platform with SR2 switched on above its tier; as it was afterwards."""
    stack = team.stack
    try:
        with stack.edited(trust=cooperative("SR2"), tenants=tenants_of(stack)):
            stack.deploy()
            platform = GroupedPlatform(stack, kubectl)
            for manifest in BARE:
                wait_until(lambda sent=manifest: not member_of(platform).create(sent).passed, "GPUs are kept", SECONDS)
            yield platform
    finally:
        stack.deploy()


def member_of(platform: GroupedPlatform) -> Requester:
    """Somebody of the first tenant's."""
    return Requester(platform.kubectl, "anna", (platform.group(TENANT),))


def refused(answer: Answer, why: str) -> None:
    assert not answer.passed, answer.said
    assert "SR2: " in answer.said
    assert why in answer.said


def test_a_gpu_pod_without_the_tenants_own_queue_is_refused_and_its_twin_passes(queues_alone: GroupedPlatform) -> None:
    member = member_of(queues_alone)

    refused(member.create(gpu_pod()), "it names none")
    refused(member.create(gpu_pod(OTHER_TENANT)), "anna does not act")
    own = member.create(gpu_pod(TENANT))
    assert own.passed, own.said


def test_a_job_in_the_tenants_own_queue_runs_and_one_without_a_queue_is_refused(queues_alone: GroupedPlatform) -> None:
    member, kubectl = member_of(queues_alone), queues_alone.kubectl
    place = ("--namespace", WORKLOADS)
    path = "--output=jsonpath={.status.active}"

    refused(member.create(BARE[1]), "it names none")
    try:
        made = member.create(lasting_gpu_job("in-its-queue", WORKLOADS, TENANT), dry_run=False)
        assert made.passed, made.said
        assert quota_decision(kubectl, WORKLOADS, "in-its-queue", "True") == "True"
        # Its pods carry no queue, and pass all the same.
        wait_until(lambda: kubectl.run("get", "job", "in-its-queue", *place, path) == "1", "its pod is made", SECONDS)
    finally:
        kubectl.run("delete", "job", "in-its-queue", *place, "--ignore-not-found")


def test_its_policies_are_all_there_and_it_alone_is_in_force_above_the_tier(queues_alone: GroupedPlatform) -> None:
    listed = queues_alone.kubectl.run("get", "validatingadmissionpolicies", "--output=name").split()
    rows = queues_alone.stack.engine.outputs()["posture"]["controls"]

    assert {f"vpol-bulkhead-{name}" for name in POLICIES} <= {name.partition("/")[2] for name in listed}
    assert {row["id"]: row["state"] for row in rows if row["state"] in {"enforced", "added"}} == {
        "AC1": "enforced",
        "AC2": "enforced",
        "AC3": "enforced",
        "SR2": "added",
    }


def test_nothing_of_sr1_is_there_and_tenants_reach_what_is_behind_the_gateway(queues_alone: GroupedPlatform) -> None:
    kubectl = queues_alone.kubectl

    assert kubectl.run("get", "networkpolicies", "--all-namespaces", f"--selector={CONTROL_LABEL}") == ""
    with probing(kubectl, WORKLOADS, "tenants-probe") as prober:
        assert prober.reaches(address_of(kubectl, ENGINES, "app.kubernetes.io/name=engine"), 8000)
        assert prober.reaches(address_of(kubectl, GATEWAY, "app.kubernetes.io/name=database"), 5432)


def test_nothing_of_sr3_is_there(queues_alone: GroupedPlatform) -> None:
    maps = json.loads(queues_alone.kubectl.run("get", "configmaps", "--namespace", GATEWAY, "--output=json"))["items"]
    settings = [text for one in maps for text in one.get("data", {}).values() if "general_settings" in text]

    assert settings, "the gateway's settings are not found"
    assert [text for text in settings if "fail_closed" in text] == []


def test_nothing_of_ns1_to_ns4_is_there(queues_alone: GroupedPlatform) -> None:
    kubectl = queues_alone.kubectl
    namespaces = kubectl.run("get", "namespaces", "--output=name").split()

    assert f"namespace/{WORKLOADS}" in namespaces
    assert [name for name in namespaces if name.startswith(f"namespace/{TENANT_NAMESPACE_PREFIX}")] == []
    assert kubectl.run("get", "resourcequotas,limitranges", "--namespace", WORKLOADS, "--output=name") == ""
