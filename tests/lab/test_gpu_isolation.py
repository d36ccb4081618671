"""HW1 to HW3 on the lab: the real scheduler and Kueue place engines and jobs, and nobody talks itself elsewhere.

What is forged comes first, while no job has used up the quota that a legitimate twin needs.
"""

import json
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from infra.blueprint.caches import engine_name
from tests.lab.adversarial import GPUS_OF_ITS_OWN, OWN, SENSITIVE_TENANT, SERVING_POOL, SPLIT, AdversarialPlatform
from tests.lab.gpu_nodes import ACCELERATOR_LABEL, DEDICATED, MIG_INSTANCE, POOL_LABEL, WHOLE_GPU
from tests.lab.platform import ENGINES, OTHER_TENANT, TENANT
from tests.lab.queues import quota_decision
from tests.lab.requests import Requester
from tests.lab.workloads import QUEUE_LABEL, deployment, job, pod, pod_spec

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]

SECONDS = 120
STAYS = {f"pod-complete.stage.kwok.x-k8s.io/{delay}": "1h" for delay in ("delay", "jitter-delay")}
"""On a pod that a simulated node would otherwise end at once."""

TENANTS = tuple(OWN)
OWN_ENGINE_OF_COMMON = f"engine {engine_name('common', SENSITIVE_TENANT)}"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Placed:
    """A pod with a GPU on a node: whose it is, and which pool it is in."""

    name: str
    owner: str
    pool: str
    node: str


@dataclass(frozen=True)
class Work:
    """The GPU jobs that the tenants run at once, and where they went.

    Attributes:
        admitted: Tenant → its jobs that Kueue admitted.
        waiting: Tenant → its jobs beyond its quota.
    """

    admitted: dict[str, tuple[str, ...]]
    waiting: dict[str, tuple[str, ...]]


def items(platform: AdversarialPlatform, kind: str, *arguments: str) -> list[Manifest]:
    return json.loads(platform.kubectl.run("get", kind, "--output=json", *arguments))["items"]


def gpu_job(platform: AdversarialPlatform, tenant: str, name: str, resource: str) -> Manifest:
    manifest = job(name, platform.namespace(tenant), pod_spec({resource: "1"}), tenant)
    manifest["spec"]["template"]["metadata"]["annotations"] = STAYS
    return manifest


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def placed(platform: AdversarialPlatform) -> list[Placed]:
    """Every pod with a GPU that has a node, engines by the name of their model."""
    nodes = {node["metadata"]["name"]: _pool(node) for node in items(platform, "nodes")}
    spaces = {platform.namespace(tenant): tenant for tenant in TENANTS}
    found: list[Placed] = []
    for one in items(platform, "pods", "--all-namespaces"):
        namespace, node = one["metadata"]["namespace"], one["spec"].get("nodeName")
        if node and (namespace in spaces or namespace == ENGINES) and _has_gpu(one):
            owner = spaces.get(namespace) or f"engine {one['metadata']['labels']['app.kubernetes.io/instance']}"
            found.append(Placed(one["metadata"]["name"], owner, nodes[node], node))
    return found


def _pool(node: Manifest) -> str:
    labels = node["metadata"]["labels"]
    return labels.get(POOL_LABEL) or (SERVING_POOL if ACCELERATOR_LABEL in labels else "")


def _has_gpu(one: Manifest) -> bool:
    limits = (container.get("resources", {}).get("limits", {}) for container in one["spec"]["containers"])
    return any(resource.startswith("nvidia.com/") for found in limits for resource in found)


@pytest.fixture(scope="module")
def work(adversarial: AdversarialPlatform) -> Generator[Work]:
    """Each tenant asks for one whole GPU more than it has, and the first two for as many MIG instances as they have."""
    kubectl = adversarial.kubectl
    within = {tenant: ["whole-0"] for tenant in TENANTS}
    beyond = {tenant: ["whole-1"] for tenant in TENANTS}
    manifests = [gpu_job(adversarial, tenant, name, WHOLE_GPU) for tenant in TENANTS for name in ("whole-0", "whole-1")]
    for tenant in (TENANT, OTHER_TENANT):
        within[tenant] += [f"sliver-{index}" for index in range(3)]
        beyond[tenant].append("sliver-3")
        manifests += [gpu_job(adversarial, tenant, f"sliver-{index}", MIG_INSTANCE) for index in range(4)]
    spaces = [adversarial.namespace(tenant) for tenant in TENANTS]
    try:
        for manifest in manifests:
            tenant = manifest["metadata"]["labels"][QUEUE_LABEL]
            answer = member(adversarial, tenant).create(manifest, dry_run=False)
            assert answer.passed, answer.said
        until(lambda: running(adversarial) == sum(map(len, within.values())), "not every job within its quota runs")
        yield Work(*({tenant: tuple(names) for tenant, names in jobs.items()} for jobs in (within, beyond)))
    finally:
        for space in spaces:
            kubectl.run("delete", "jobs", "--all", "--namespace", space, "--wait=true", timeout=120)


def running(platform: AdversarialPlatform) -> int:
    return len([one for one in placed(platform) if one.owner in TENANTS])


def member(platform: AdversarialPlatform, tenant: str) -> Requester:
    """Somebody of a tenant's."""
    return Requester(platform.kubectl, "anna", (platform.group(tenant),))


# --- nobody talks itself elsewhere ------------------------------------------------------------------------------


def gpu_pod(platform: AdversarialPlatform, spec: Manifest) -> Manifest:
    return pod("forged", platform.namespace(TENANT), spec, labels={QUEUE_LABEL: TENANT})


def whole(**more: Any) -> Manifest:
    return pod_spec({WHOLE_GPU: "1"}, **more)


def requiring(*expressions: Manifest) -> Manifest:
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


OTHERS = OWN[OTHER_TENANT].name
PAIRS: dict[str, tuple[Manifest, Manifest]] = {
    "toleration": (
        {"tolerations": [{"key": DEDICATED, "value": TENANT, "effect": "NoSchedule"}]},
        {"tolerations": [{"key": DEDICATED, "value": OTHER_TENANT, "effect": "NoSchedule"}]},
    ),
    "every taint": (
        {"tolerations": [{"key": WHOLE_GPU, "operator": "Exists"}]},
        {"tolerations": [{"operator": "Exists"}]},
    ),
    "selector": ({"nodeSelector": {POOL_LABEL: OWN[TENANT].name}}, {"nodeSelector": {POOL_LABEL: OTHERS}}),
    "serving pool": (
        {"nodeSelector": {POOL_LABEL: SPLIT.name}},
        {"nodeSelector": {ACCELERATOR_LABEL: "nvidia-l4"}},
    ),
    "affinity": (
        {"affinity": requiring({"key": POOL_LABEL, "operator": "In", "values": [OWN[TENANT].name]})},
        {"affinity": requiring({"key": POOL_LABEL, "operator": "NotIn", "values": [OWN[TENANT].name]})},
    ),
    "host name": (
        {"nodeSelector": {"kubernetes.io/arch": "amd64"}},
        {"nodeSelector": {"kubernetes.io/hostname": f"bulkhead-simulated-{OTHERS}-0"}},
    ),
    "scheduler": ({"schedulerName": "default-scheduler"}, {"schedulerName": "mine"}),
    "priority": ({}, {"priorityClassName": "system-node-critical"}),
    "claim": ({}, {"resourceClaims": [{"name": "more", "resourceClaimTemplateName": "gpus"}]}),
}


@pytest.mark.parametrize("subject", PAIRS)
def test_a_forged_pod_is_refused_and_its_twin_is_admitted(adversarial: AdversarialPlatform, subject: str) -> None:
    own, forged = PAIRS[subject]
    anna = member(adversarial, TENANT)

    twin = anna.create(gpu_pod(adversarial, whole(**own)))
    refused = anna.create(gpu_pod(adversarial, whole(**forged)))

    assert twin.passed, twin.said
    assert not refused.passed
    assert "HW3: " in refused.said or "SR2: " in refused.said, refused.said


def test_what_a_deployment_would_make_is_judged_with_it(adversarial: AdversarialPlatform) -> None:
    space = adversarial.namespace(TENANT)
    own, forged = (
        deployment("forged", space, whole(tolerations=[{"key": DEDICATED, "value": name}]), TENANT)
        for name in (TENANT, OTHER_TENANT)
    )
    anna = member(adversarial, TENANT)

    assert anna.create(own).passed
    answer = anna.create(forged)
    assert not answer.passed
    assert "HW3: " in answer.said


def test_shared_gpus_are_refused_by_whatever_name(adversarial: AdversarialPlatform) -> None:
    anna = member(adversarial, TENANT)
    plain = gpu_pod(adversarial, whole())
    shares = gpu_pod(adversarial, pod_spec({f"{MIG_INSTANCE}.shared": "1"}))
    selected = gpu_pod(adversarial, whole(nodeSelector={"nvidia.com/gpu.sharing-strategy": "time-slicing"}))

    assert anna.create(plain).passed
    for manifest in (shares, selected):
        answer = anna.create(manifest)
        assert not answer.passed
        assert "HW2: " in answer.said, answer.said


def test_a_claim_that_shares_a_gpu_is_refused_to_the_administrator_as_well(adversarial: AdversarialPlatform) -> None:
    administrator = Requester(adversarial.kubectl)

    def claim(strategy: str | None) -> Manifest:
        parameters = {"apiVersion": "resource.nvidia.com/v1beta1", "kind": "GpuConfig"}
        sharing = {"sharing": {"strategy": strategy}} if strategy else {}
        config = [{"opaque": {"driver": "gpu.nvidia.com", "parameters": {**parameters, **sharing}}}]
        devices = {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}], "config": config}
        return {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "claim", "namespace": adversarial.namespace(TENANT)},
            "spec": {"devices": devices},
        }

    assert administrator.create(claim(None)).passed
    answer = administrator.create(claim("TimeSlicing"))
    assert not answer.passed
    assert "HW2: " in answer.said, answer.said


def test_a_waiting_pod_is_given_no_toleration_of_others_nodes(adversarial: AdversarialPlatform) -> None:
    """A gated pod may still be given tolerations and selectors by whoever may change it."""
    anna = member(adversarial, TENANT)
    space = adversarial.namespace(TENANT)
    waits = pod("waits", space, pod_spec(schedulingGates=[{"name": "example.com/wait"}]))
    assert anna.create(waits, dry_run=False).passed
    try:
        there = json.loads(anna.call("get", "pod", "waits", "--namespace", space, "--output=json").said)

        def tolerating(toleration: Manifest) -> bool:
            spec = {"tolerations": [*there["spec"].get("tolerations", []), toleration]}
            patch = json.dumps({"spec": spec})
            return anna.call(
                "patch", "pod", "waits", "--namespace", space, "--dry-run=server", "--type=merge", "--patch", patch
            ).passed

        assert tolerating({"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"})
        assert not tolerating({"key": DEDICATED, "value": OTHER_TENANT, "effect": "NoSchedule"})
    finally:
        adversarial.kubectl.run("delete", "pod", "waits", "--namespace", space, "--wait=false")


# --- who is placed where ----------------------------------------------------------------------------------------


def test_every_engine_runs_in_the_pool_of_its_model(adversarial: AdversarialPlatform) -> None:
    common = {"engine common": SERVING_POOL, OWN_ENGINE_OF_COMMON: OWN[SENSITIVE_TENANT].name}
    wanted = {**common, "engine sliver": SPLIT.name} | {
        f"engine {tenant}-model": pool.name for tenant, pool in OWN.items()
    }

    def engines() -> dict[str, str]:
        return {one.owner: one.pool for one in placed(adversarial) if one.owner.startswith("engine ")}

    until(lambda: engines() == wanted, f"engines are in {engines()}")


def test_jobs_go_to_the_pools_of_their_tenant(adversarial: AdversarialPlatform, work: Work) -> None:
    found = {(one.owner, one.pool) for one in placed(adversarial) if one.owner in TENANTS}

    assert found == {(tenant, pool.name) for tenant, pool in OWN.items()} | {
        (tenant, SPLIT.name) for tenant in (TENANT, OTHER_TENANT)
    }
    assert {tenant: len(names) for tenant, names in work.admitted.items()} == {
        tenant: len([one for one in placed(adversarial) if one.owner == tenant]) for tenant in TENANTS
    }


def test_no_two_tenants_are_on_one_whole_gpu_and_on_no_node_of_the_sensitive_one(
    adversarial: AdversarialPlatform, work: Work
) -> None:
    """On the one node that each tenant has, pods meet, and a GPU is idle that another tenant's could have taken."""
    del work
    found = by_node(placed(adversarial))
    own = {pool.name for pool in OWN.values()}
    meeting = {pods[0].pool: len(pods) for pods in found.values() if pods[0].pool in own}
    assert set(meeting) == own
    assert all(1 < count < GPUS_OF_ITS_OWN for count in meeting.values()), meeting
    for node, pods in found.items():
        owners = {serves(one) for one in pods}
        if pods[0].pool not in {SPLIT.name, SERVING_POOL}:
            assert len(owners) == 1, (node, owners)
        if pods[0].pool == SERVING_POOL:
            assert owners == {"several"}, (node, owners)
        assert SENSITIVE_TENANT not in owners or owners == {SENSITIVE_TENANT}, (node, owners)


def by_node(pods: Iterable[Placed]) -> dict[str, list[Placed]]:
    found: dict[str, list[Placed]] = {}
    for one in pods:
        found.setdefault(one.node, []).append(one)
    return found


def serves(one: Placed) -> str:
    """The tenant whose code or whose prompts alone a pod works on; of several: `several`."""
    if one.owner == OWN_ENGINE_OF_COMMON:
        return SENSITIVE_TENANT
    name = one.owner.removeprefix("engine ").removesuffix("-model")
    return name if name in TENANTS else "several"


def test_two_tenants_meet_on_a_mig_node_and_each_has_instances_of_its_own(
    adversarial: AdversarialPlatform, work: Work
) -> None:
    """The positive of the test above: MIG lets them share a node, since each pod holds instances that no other has."""
    del work
    slivers = [one for one in placed(adversarial) if one.pool == SPLIT.name]

    assert len(slivers) == 3 + 3 + 1
    assert any(len({serves(one) for one in pods} & {TENANT, OTHER_TENANT}) == 2 for pods in by_node(slivers).values())


def test_nobody_borrows_what_is_idle(adversarial: AdversarialPlatform, work: Work) -> None:
    """A whole GPU of the serving pool, at least one of each tenant's own pool and MIG instances are idle meanwhile."""
    for tenant, names in work.waiting.items():
        for name in names:
            assert quota_decision(adversarial.kubectl, adversarial.namespace(tenant), name, "True", 3) == "False"


def test_a_queue_covers_no_pool_of_anybody_elses(adversarial: AdversarialPlatform) -> None:
    queues = items(adversarial, "clusterqueues.kueue.x-k8s.io")
    covered = {
        queue["metadata"]["name"]: {
            flavor["name"] for group in queue["spec"].get("resourceGroups", []) for flavor in group["flavors"]
        }
        for queue in queues
    }

    split = f"{SPLIT.name}-mig-1g-10gb"
    for tenant, pool in OWN.items():
        shared = () if tenant == SENSITIVE_TENANT else (split,)
        assert covered[f"tenant-{tenant}"] == {f"{pool.name}-whole-x{GPUS_OF_ITS_OWN}", *shared}
