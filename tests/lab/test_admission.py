"""SR2 on the lab: no GPU without the tenant's own queue, with Kyverno and without it."""

import json
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from lab import cluster
from tests.lab.governed import GovernedPlatform
from tests.lab.platform import ENGINES, OTHER_TENANT, TENANT, WORKLOADS
from tests.lab.requests import Answer, Requester
from tests.lab.workloads import (
    GPU,
    QUEUE_LABEL,
    STAYS,
    deployment,
    job,
    lasting_gpu_job,
    pod,
    pod_spec,
    with_container,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

KYVERNO = "kyverno"
KUEUE = "kueue-system"
GENERATED = (
    "vpol-bulkhead-gpu-binding",
    "vpol-bulkhead-gpu-deletions",
    "vpol-bulkhead-gpu-elsewhere",
    "vpol-bulkhead-gpu-environment",
    "vpol-bulkhead-gpu-pods",
    "vpol-bulkhead-gpu-queues",
    "vpol-bulkhead-gpu-workloads",
    "vpol-bulkhead-ns3-account-tokens",
    "vpol-bulkhead-ns3-service-addresses",
)
WAIT_SECONDS = 120

Manifest = dict[str, Any]


@pytest.fixture
def member(governed: GovernedPlatform, kubectl: cluster.Kubectl) -> Requester:
    """Somebody of the tenant's."""
    return Requester(kubectl, "anna", (governed.group(TENANT),))


@pytest.fixture
def other_member(governed: GovernedPlatform, kubectl: cluster.Kubectl) -> Requester:
    """Somebody of the other tenant's, in the same namespace."""
    return Requester(kubectl, "boris", (governed.group(OTHER_TENANT),))


@pytest.fixture
def administrator(governed: GovernedPlatform, kubectl: cluster.Kubectl) -> Requester:
    """The cluster's administrator."""
    del governed
    return Requester(kubectl)


def queued(manifest: Manifest, queue: str = TENANT) -> Manifest:
    labels = {**manifest["metadata"].get("labels", {}), QUEUE_LABEL: queue}
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels}}


def gpu_pod(namespace: str = WORKLOADS, **metadata: Any) -> Manifest:
    return pod("asks-for-a-gpu", namespace, pod_spec(GPU), **metadata)


def refused(answer: Answer, why: str) -> None:
    assert not answer.passed, answer.said
    assert "SR2: " in answer.said
    assert why in answer.said


def admitted(answer: Answer) -> None:
    assert answer.passed, answer.said


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@contextmanager
def scaled(kubectl: cluster.Kubectl, namespace: str, name: str, replicas: int) -> Generator[None]:
    """A Deployment at another size, and back at its own and ready afterwards."""
    place = ["--namespace", namespace]
    before = kubectl.run("get", "deployment", name, *place, "--output=jsonpath={.spec.replicas}")
    kubectl.run("scale", "deployment", name, *place, f"--replicas={replicas}")
    try:
        until(lambda: not json.loads(kubectl.run("get", "pods", *place, "--output=json"))["items"], "pods are left")
        yield
    finally:
        kubectl.run("scale", "deployment", name, *place, f"--replicas={before}")
        kubectl.run("rollout", "status", "deployment", name, *place, "--timeout=240s", timeout=260)


@contextmanager
def made(requester: Requester, *manifests: Manifest) -> Generator[None]:
    """Objects that are there for a while."""
    try:
        for manifest in manifests:
            admitted(requester.create(manifest, dry_run=False))
        yield
    finally:
        for manifest in manifests:
            kind, metadata = manifest["kind"].lower(), manifest["metadata"]
            place = ["--namespace", metadata["namespace"], "--ignore-not-found", "--wait=false"]
            requester.kubectl.run("delete", kind, metadata["name"], *place)


# --- the queue --------------------------------------------------------------------------------------------------


def test_a_gpu_pod_without_a_queue_is_refused_and_its_twin_with_one_passes(member: Requester) -> None:
    refused(member.create(gpu_pod()), "it names none")
    admitted(member.create(queued(gpu_pod())))


@pytest.mark.parametrize("queue", ["made-up", "default"])
def test_a_queue_that_is_not_there_is_refused(member: Requester, queue: str) -> None:
    refused(member.create(queued(gpu_pod(), queue)), f"it names {queue}")


def test_another_tenants_queue_is_refused_to_each_and_its_own_is_not(
    member: Requester, other_member: Requester
) -> None:
    refused(member.create(queued(gpu_pod(), OTHER_TENANT)), "anna does not act")
    refused(other_member.create(queued(gpu_pod())), "boris does not act")
    admitted(other_member.create(queued(gpu_pod(), OTHER_TENANT)))


@pytest.mark.parametrize("make", [job, deployment])
def test_the_owner_needs_the_queue_and_not_only_its_pods(member: Requester, make: Callable[..., Manifest]) -> None:
    bare = make("owner", WORKLOADS, pod_spec(GPU))
    bare["spec"]["template"]["metadata"]["labels"][QUEUE_LABEL] = TENANT

    refused(member.create(bare), "it names none")
    admitted(member.create(make("owner", WORKLOADS, pod_spec(GPU), TENANT)))


def test_gpus_outside_the_namespaces_with_queues_are_refused_whoever_asks(administrator: Requester) -> None:
    refused(administrator.create(queued(gpu_pod("default"))), "only in namespaces with queues")
    admitted(administrator.create(gpu_pod("kube-system")))
    admitted(administrator.create(pod("asks-for-none", "default", pod_spec())))


def test_the_engines_namespace_has_its_own_queue(administrator: Requester) -> None:
    refused(administrator.create(queued(gpu_pod(ENGINES))), "the queue of this namespace is serving")
    admitted(administrator.create(queued(gpu_pod(ENGINES), "serving")))


def test_a_gpu_asked_for_without_a_request_is_refused(member: Requester) -> None:
    toleration = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    visible = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]

    refused(member.create(pod("p", WORKLOADS, with_container(pod_spec(), env=visible))), "NVIDIA_VISIBLE_DEVICES")
    refused(member.create(pod("p", WORKLOADS, pod_spec(tolerations=[toleration]))), "tolerate")
    refused(member.create(pod("p", WORKLOADS, pod_spec(nodeSelector={"nvidia.com/gpu.present": "true"}))), "select")
    refused(member.create(pod("p", WORKLOADS, pod_spec(nodeName="bulkhead-simulated-l4-0"))), "by name")
    admitted(member.create(queued(pod("p", WORKLOADS, pod_spec(GPU, tolerations=[toleration])))))
    admitted(member.create(pod("p", WORKLOADS, pod_spec())))


def test_an_ephemeral_container_that_asks_the_runtime_is_refused_and_a_plain_one_passes(
    administrator: Requester,
) -> None:
    plain = {"name": "debug", "image": "example.com/debug:1"}
    asking = {**plain, "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}
    patch = ["patch", "pod", "to-debug", "--namespace", WORKLOADS, "--subresource=ephemeralcontainers"]
    with made(administrator, pod("to-debug", WORKLOADS, pod_spec())):
        for container, passes in ((asking, False), (plain, True)):
            body = json.dumps({"spec": {"ephemeralContainers": [container]}})
            answer = administrator.call(*patch, "--dry-run=server", "--type=strategic", "--patch", body)
            assert answer.passed is passes, answer.said


# --- what Kueue holds -------------------------------------------------------------------------------------------


def test_an_admitted_jobs_pods_run_though_they_carry_no_queue(member: Requester, kubectl: cluster.Kubectl) -> None:
    running = job("runs", WORKLOADS, pod_spec(GPU), TENANT)
    running["spec"]["template"]["metadata"] |= STAYS
    with made(member, running):
        until(lambda: _running(kubectl, "runs") == 1, "the Job's pod does not run")
        labels = _pods(kubectl, "runs")[0]["metadata"]["labels"]
        assert QUEUE_LABEL not in labels


def test_what_kueue_has_admitted_grows_only_through_kueue(member: Requester, kubectl: cluster.Kubectl) -> None:
    change = ["patch", "job", "grows", "--namespace", WORKLOADS, "--dry-run=server", "--type=merge"]
    with made(member, lasting_gpu_job("grows", WORKLOADS, TENANT)):
        until(lambda: _running(kubectl, "grows") == 1, "the Job's pod does not run")
        refused(member.call(*change, '--patch={"spec":{"parallelism":2}}'), "what it grew by")
        admitted(member.call(*change, '--patch={"spec":{"parallelism":2,"suspend":true}}'))
        admitted(member.call(*change, '--patch={"spec":{"parallelism":0}}'))


def test_kueues_gate_for_elastic_jobs_is_kueues_to_open(member: Requester) -> None:
    gates = [{"name": "kueue.x-k8s.io/elastic-job"}, {"name": "example.com/own"}]
    waiting = queued(pod("elastic", WORKLOADS, pod_spec(GPU, schedulingGates=gates)))
    change = ["patch", "pod", "elastic", "--namespace", WORKLOADS, "--dry-run=server", "--type=json"]
    with made(member, waiting):
        for index, passes in ((0, False), (1, True)):
            answer = member.call(*change, f'--patch=[{{"op": "remove", "path": "/spec/schedulingGates/{index}"}}]')
            assert answer.passed is passes, answer.said


def test_an_admitted_jobs_pod_can_not_be_cut_loose_and_may_be_labelled(
    member: Requester, kubectl: cluster.Kubectl
) -> None:
    """The Job controller would let the pod go, and make another for what the Job has quota for."""
    with made(member, lasting_gpu_job("held", WORKLOADS, TENANT)):
        until(lambda: _running(kubectl, "held") == 1, "the Job's pod does not run")
        running = _pods(kubectl, "held")[0]["metadata"]
        change = ["--namespace", WORKLOADS, "--dry-run=server"]
        of_the_job = ["batch.kubernetes.io/controller-uid", "controller-uid"]
        assert set(of_the_job) <= running["labels"].keys()
        refused(
            member.call("label", "pod", running["name"], *change, *(f"{label}-" for label in of_the_job)),
            "by its labels a controller knows",
        )
        refused(
            member.call("label", "pod", running["name"], *change, "--overwrite", "test=other"),
            "by its labels a controller knows",
        )
        patch = ["patch", "pod", running["name"], *change, "--type=merge"]
        refused(member.call(*patch, '--patch={"metadata":{"ownerReferences":null}}'), "whose a GPU workload is")
        admitted(member.call("label", "pod", running["name"], *change, "colour=blue"))


def test_a_job_keeps_whoever_it_belongs_to(member: Requester) -> None:
    """As a JobSet's Job: without its owner it would be nobody's, and Kueue looks at no Job without a queue."""
    patch = ["patch", "job", "belongs", "--namespace", WORKLOADS, "--dry-run=server", "--type=merge"]
    absent = '{"apiVersion":"v1","kind":"ConfigMap","name":"absent","uid":"00000000-0000-4000-8000-000000000000"}'
    with made(member, job("belongs", WORKLOADS, pod_spec({"nvidia.com/gpu": "50"}), TENANT)):
        refused(member.call(*patch, f'--patch={{"metadata":{{"ownerReferences":[{absent}]}}}}'), "whose a GPU workload")
        refused(member.call(*patch, '--patch={"metadata":{"finalizers":["orphan"]}}'), "the finalizer orphan")
        admitted(member.call(*patch, '--patch={"metadata":{"annotations":{"colour":"blue"}}}'))


def test_an_admitted_job_is_deleted_with_its_pods_or_not_at_all(member: Requester, kubectl: cluster.Kubectl) -> None:
    delete = ["delete", "job", "deleted", "--namespace", WORKLOADS, "--dry-run=server"]
    place = f"/apis/batch/v1/namespaces/{WORKLOADS}/jobs/deleted"
    with made(member, lasting_gpu_job("deleted", WORKLOADS, TENANT)):
        until(lambda: _running(kubectl, "deleted") == 1, "the Job's pod does not run")
        refused(member.call(*delete, "--cascade=orphan"), "goes with all that belongs to it")
        # What batch/v1 makes of a deletion that says nothing of the pods, as many clients' is.
        refused(member.call("delete", "--raw", f"{place}?dryRun=All"), "goes with all that belongs to it")
        admitted(member.call(*delete))
        admitted(member.call(*delete, "--cascade=foreground"))


def test_a_job_without_a_gpu_may_leave_its_pods(member: Requester) -> None:
    delete = ["delete", "job", "plain", "--namespace", WORKLOADS, "--dry-run=server", "--cascade=orphan"]
    with made(member, job("plain", WORKLOADS, pod_spec())):
        admitted(member.call(*delete))


def test_a_running_gpu_pod_can_not_be_told_to_end_next_year(member: Requester, kubectl: cluster.Kubectl) -> None:
    with made(member, lasting_gpu_job("ends", WORKLOADS, TENANT)):
        until(lambda: _running(kubectl, "ends") == 1, "the Job's pod does not run")
        name = _pods(kubectl, "ends")[0]["metadata"]["name"]
        delete = ["delete", "pod", name, "--namespace", WORKLOADS, "--dry-run=server"]
        refused(member.call(*delete, "--grace-period=31536000"), "has to end within")
        admitted(member.call(*delete, "--grace-period=60"))
        admitted(member.call(*delete))


def test_the_collector_removes_what_a_jobs_end_leaves(member: Requester, kubectl: cluster.Kubectl) -> None:
    """Kubernetes' own controllers change owners and delete pods: none of it is refused."""
    with made(member, lasting_gpu_job("collected", WORKLOADS, TENANT)):
        until(lambda: _running(kubectl, "collected") == 1, "the Job's pod does not run")
        admitted(member.call("delete", "job", "collected", "--namespace", WORKLOADS, "--wait=false"))
        until(lambda: _pods(kubectl, "collected") == [], "the Job's pod is left")


def test_gpu_pods_join_no_group_by_hand(member: Requester) -> None:
    """Kueue believes each of them that it needs what the first does."""
    in_group = queued(gpu_pod(annotations={"kueue.x-k8s.io/pod-group-total-count": "2"}))
    in_group["metadata"]["labels"]["kueue.x-k8s.io/pod-group-name"] = "group"
    without_gpu = queued(pod("asks-for-none", WORKLOADS, pod_spec()))
    without_gpu["metadata"] = {**in_group["metadata"], "name": "asks-for-none"}

    refused(member.create(in_group), "may not join a pod group by hand")
    admitted(member.create(without_gpu))


def test_a_gpu_pod_ends_within_two_minutes(member: Requester) -> None:
    lasting = pod_spec(GPU, terminationGracePeriodSeconds=31536000)

    refused(member.create(queued(pod("lasts", WORKLOADS, lasting))), "has to end within")
    refused(member.create(job("lasts", WORKLOADS, lasting, TENANT)), "has to end within")
    admitted(member.create(job("lasts", WORKLOADS, pod_spec(GPU, terminationGracePeriodSeconds=120), TENANT)))
    admitted(member.create(job("lasts", WORKLOADS, pod_spec(terminationGracePeriodSeconds=31536000))))


def test_devices_are_asked_for_by_no_annotation_that_comes_later(member: Requester) -> None:
    change = ["annotate", "pod", "plain", "--namespace", WORKLOADS, "--dry-run=server"]
    with made(member, pod("plain", WORKLOADS, pod_spec(schedulingGates=[{"name": "example.com/own"}]))):
        refused(member.call(*change, "cdi.k8s.io/devices=nvidia.com/gpu=all"), "cdi.k8s.io")
        admitted(member.call(*change, "example.com/colour=blue"))


def _pods(kubectl: cluster.Kubectl, name: str) -> list[dict[str, Any]]:
    found = kubectl.run("get", "pods", "--namespace", WORKLOADS, f"--selector=test={name}", "--output=json")
    return json.loads(found)["items"]


def _running(kubectl: cluster.Kubectl, name: str) -> int:
    return sum(item["status"].get("phase") == "Running" for item in _pods(kubectl, name))


def test_a_pod_that_passes_itself_off_as_an_admitted_jobs_is_refused(
    member: Requester, kubectl: cluster.Kubectl
) -> None:
    """Kueue would not hold it: it takes it for a part of the Job."""
    with made(member, job("parent", WORKLOADS, pod_spec(), TENANT)):
        uid = kubectl.run("get", "job", "parent", "--namespace", WORKLOADS, "--output=jsonpath={.metadata.uid}")
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "parent", "uid": uid, "controller": True}
        refused(member.create(queued(gpu_pod(ownerReferences=[owner]))), "Kueue does not hold it")


def test_what_waits_for_quota_is_let_go_by_kueue_alone(member: Requester, kubectl: cluster.Kubectl) -> None:
    """The quota is one GPU: the first takes it, the others wait."""
    first = queued(pod("first", WORKLOADS, pod_spec(GPU), **STAYS))
    waiting = job("waits", WORKLOADS, pod_spec(GPU), TENANT)
    gated = queued(pod("gated", WORKLOADS, pod_spec(GPU), **STAYS))
    # More than the cohort has, so that it waits whatever may be borrowed.
    for manifest in (waiting["spec"]["template"], gated):
        manifest["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "50"}}
    place = ["--namespace", WORKLOADS]
    with made(member, first, waiting, gated):
        suspend = member.call("patch", "job", "waits", *place, "--type=merge", '--patch={"spec":{"suspend":false}}')
        refused(suspend, "only Kueue may set spec.suspend")
        ungate = '--patch=[{"op": "remove", "path": "/spec/schedulingGates/0"}]'
        refused(member.call("patch", "pod", "gated", *place, "--type=json", ungate), "only Kueue may remove")
        for kind, name in (("job", "waits"), ("pod", "gated")):
            refused(member.call("label", kind, name, *place, f"{QUEUE_LABEL}-"), QUEUE_LABEL)
            admitted(member.call("label", kind, name, *place, "colour=blue"))
        until(lambda: _pod_phase(kubectl, "first") == "Running", "the first pod does not run")


def _pod_phase(kubectl: cluster.Kubectl, name: str) -> str:
    return kubectl.run("get", "pod", name, "--namespace", WORKLOADS, "--output=jsonpath={.status.phase}")


def test_scaling_a_deployment_from_before_the_policies_gets_it_no_gpu(
    governed: GovernedPlatform, administrator: Requester, kubectl: cluster.Kubectl
) -> None:
    """Made while the policies looked away, as one that was there before them."""
    place = ["--namespace", WORKLOADS]
    with governed.looking_away(), made(administrator, deployment("before", WORKLOADS, pod_spec(GPU), replicas=0)):
        governed.look_again()
        kubectl.run("scale", "deployment", "before", *place, "--replicas=1")
        until(lambda: "SR2" in _replica_failure(kubectl, "before"), "the ReplicaSet was not refused a pod")
        assert _pods(kubectl, "before") == []


def _replica_failure(kubectl: cluster.Kubectl, name: str) -> str:
    path = '--output=jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}'
    return kubectl.run("get", "deployment", name, "--namespace", WORKLOADS, path)


def test_objects_from_before_the_policies_can_still_lose_their_finalizers(
    governed: GovernedPlatform, administrator: Requester
) -> None:
    held = gpu_pod(finalizers=["example.com/held"])
    with governed.looking_away(), made(administrator, held):
        governed.look_again()
        release = ["patch", "pod", held["metadata"]["name"], "--namespace", WORKLOADS, "--type=merge"]
        admitted(administrator.call(*release, '--patch={"metadata":{"finalizers":null}}'))


def test_another_tenants_workload_can_not_be_changed_through_the_shared_namespace(
    member: Requester, other_member: Requester
) -> None:
    waiting = job("theirs", WORKLOADS, pod_spec({"nvidia.com/gpu": "50"}), TENANT)
    change = ["patch", "job", "theirs", "--namespace", WORKLOADS, "--type=merge", '--patch={"spec":{"backoffLimit":1}}']
    with made(member, waiting):
        refused(other_member.call(*change), "boris does not act")
        admitted(member.call(*change))


# --- without the controllers ------------------------------------------------------------------------------------


def test_the_api_server_denies_by_itself_while_kyverno_is_gone(
    administrator: Requester, member: Requester, kubectl: cluster.Kubectl
) -> None:
    with scaled(kubectl, KYVERNO, "kyverno-admission-controller", 0):
        refused(member.create(gpu_pod()), "it names none")
        refused(member.create(queued(gpu_pod(), OTHER_TENANT)), "does not act")
        refused(administrator.create(gpu_pod("default")), "only in namespaces with queues")
        admitted(member.create(queued(gpu_pod())))
        # Nothing else of the cluster hangs on Kyverno.
        admitted(administrator.create(pod("plain", "default", pod_spec())))
    assert set(_policies(kubectl)) >= set(GENERATED)


@pytest.mark.full
def test_nothing_slips_through_and_no_work_is_refused_while_kyverno_is_upgraded(
    member: Requester, kubectl: cluster.Kubectl
) -> None:
    """What an upgrade does to Kyverno: another pod takes over, loads the policies and writes them anew."""
    place = ("deployment", "kyverno-admission-controller", "--namespace", KYVERNO)
    kubectl.run("rollout", "restart", *place)
    answers: list[tuple[Answer, Answer]] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while not _rolled_out(kubectl, place) or len(answers) < 10:
        answers.append((member.create(gpu_pod()), member.create(queued(gpu_pod()))))
        assert time.monotonic() < deadline, "Kyverno did not come back"
    answers.append((member.create(gpu_pod()), member.create(queued(gpu_pod()))))
    for without, with_queue in answers:
        refused(without, "it names none")
        admitted(with_queue)


def _rolled_out(kubectl: cluster.Kubectl, place: Sequence[str]) -> bool:
    return "successfully rolled out" in kubectl.run("rollout", "status", *place, "--watch=false")


def test_a_generated_policy_that_somebody_deletes_comes_back(
    governed: GovernedPlatform, kubectl: cluster.Kubectl
) -> None:
    del governed
    policy = "vpol-bulkhead-gpu-pods"
    kubectl.run("delete", "validatingadmissionpolicy", policy)
    until(lambda: policy in _policies(kubectl), "Kyverno did not restore the policy")


def _policies(kubectl: cluster.Kubectl) -> list[str]:
    listed = kubectl.run("get", "validatingadmissionpolicies", "--output=name").split()
    return [name.partition("/")[2] for name in listed]


def test_without_kueue_nothing_outside_its_namespaces_is_blocked(
    administrator: Requester, member: Requester, kubectl: cluster.Kubectl
) -> None:
    with scaled(kubectl, KUEUE, "kueue-controller-manager", 0):
        admitted(administrator.create(pod("plain", "default", pod_spec())))
        admitted(administrator.create(job("plain", "default", pod_spec())))
        admitted(administrator.create(deployment("plain", "bulkhead-gateway", pod_spec())))
        # In its own it fails closed: nothing gets a GPU that nobody counts.
        assert not member.create(queued(gpu_pod())).passed


# --- who may write policies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "resource",
    [
        "policies.kyverno.io",
        "policyexceptions.kyverno.io",
        "validatingpolicies.policies.kyverno.io",
        "namespacedmutatingpolicies.policies.kyverno.io",
        "policyexceptions.policies.kyverno.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    ],
)
@pytest.mark.parametrize("verb", ["create", "update", "delete", "get"])
def test_a_tenant_holds_no_verb_on_policies(member: Requester, resource: str, verb: str) -> None:
    answer = member.call("auth", "can-i", verb, resource, "--namespace", WORKLOADS)

    assert not answer.passed
    assert "no" in answer.said.splitlines()


def test_the_built_in_admin_role_holds_no_verb_on_kyvernos_kinds(
    governed: GovernedPlatform, kubectl: cluster.Kubectl
) -> None:
    del governed
    for role in ("admin", "edit", "view"):
        assert "kyverno" not in kubectl.run("get", "clusterrole", role, "--output=yaml")


# --- looking first ----------------------------------------------------------------------------------------------


def test_an_audit_lets_pass_and_warns(governed: GovernedPlatform, member: Requester) -> None:
    with governed.auditing():
        answer = member.create(gpu_pod())

        admitted(answer)
        assert "Warning" in answer.said
        assert "SR2: " in answer.said
    refused(member.create(gpu_pod()), "it names none")
