"""NS1 to NS4 on the lab: what a tenant's people and pods can do in the tenant's namespace, and that it is all."""

import base64
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.blueprint.names import TENANT_KEY_SECRET
from lab.cluster import Kubectl
from tests.lab import packets
from tests.lab.load import Ending, Load, service_url
from tests.lab.packets import ENCRYPTED, PROMETHEUS, WATCHED, WEBHOOKS, Prober, address_of, api_server, probing, reached
from tests.lab.partitioned import PartitionedPlatform
from tests.lab.platform import ENGINES, GATEWAY, MODEL, OTHER_TENANT, TENANT, WORKLOADS, tenants_of
from tests.lab.queues import quota_decision
from tests.lab.requests import Requester
from tests.lab.workloads import GPU, QUEUE_LABEL, Manifest, lasting_gpu_job, pod, pod_spec, with_container

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

ALLOWED = (
    "create pods", "delete pods", "get pods/log", "create pods/exec", "create jobs.batch", "delete jobs.batch",
    "create deployments.apps", "patch deployments.apps/scale", "create statefulsets.apps", "create services",
    "create configmaps", "create secrets", "create persistentvolumeclaims", "get resourcequotas",
    "get localqueues.kueue.x-k8s.io", "list workloads.kueue.x-k8s.io",
)  # fmt: skip
DENIED = (
    "delete networkpolicies.networking.k8s.io", "create networkpolicies.networking.k8s.io", "update resourcequotas",
    "delete resourcequotas", "update limitranges", "create roles.rbac.authorization.k8s.io",
    "create rolebindings.rbac.authorization.k8s.io", "update rolebindings.rbac.authorization.k8s.io",
    "create serviceaccounts/token", "create endpoints", "create endpointslices.discovery.k8s.io",
    "update localqueues.kueue.x-k8s.io", "create localqueues.kueue.x-k8s.io", "update workloads.kueue.x-k8s.io",
    "create policies.kyverno.io", "create validatingpolicies.policies.kyverno.io", "update pods/ephemeralcontainers",
    "create daemonsets.apps", "create ingresses.networking.k8s.io", "update namespaces", "delete namespaces",
)  # fmt: skip
ANYWHERE = ("list nodes", "list namespaces", "list secrets", "create clusterrolebindings.rbac.authorization.k8s.io")


@pytest.fixture(scope="module")
def space(partitioned: PartitionedPlatform) -> str:
    """The first tenant's namespace."""
    return partitioned.namespace(TENANT)


@pytest.fixture(scope="module")
def other_space(partitioned: PartitionedPlatform) -> str:
    """The other tenant's namespace."""
    return partitioned.namespace(OTHER_TENANT)


@pytest.fixture(scope="module")
def member(partitioned: PartitionedPlatform) -> Requester:
    """Somebody of the first tenant's."""
    return Requester(partitioned.kubectl, "anna", (partitioned.group(TENANT),))


@pytest.fixture(scope="module")
def own_pod(partitioned: PartitionedPlatform, space: str) -> Generator[Prober]:
    with probing(partitioned.kubectl, space, "own-probe") as prober:
        yield prober


@pytest.fixture(scope="module")
def dressed_pod(partitioned: PartitionedPlatform, space: str) -> Generator[Prober]:
    """A pod of the tenant's with the gateway's labels, and whatever else might make it more than it is."""
    labels = {"app.kubernetes.io/name": "gateway", "bulkhead.dev/control": "SR1", "bulkhead.dev/tenant": OTHER_TENANT}
    with probing(partitioned.kubectl, space, "dressed-probe", labels) as prober:
        yield prober


@pytest.fixture(scope="module")
def foreign_pod(partitioned: PartitionedPlatform, other_space: str) -> Generator[Prober]:
    with probing(partitioned.kubectl, other_space, "foreign-probe") as prober:
        yield prober


# --- the tier is raised under way -------------------------------------------------------------------------------


def test_the_model_answered_while_the_tier_was_raised_and_went_on_to(partitioned: PartitionedPlatform) -> None:
    """Before and after as well: the load that this is part of began before, and ended after three answers more."""
    report = partitioned.raised.report

    assert len(report.answered) > 2
    assert [outcome for outcome in report.outcomes if outcome.ending is not Ending.COMPLETE] == []


# --- what subjects may do ---------------------------------------------------------------------------------------


def may(who: Requester, what: str, *where: str) -> bool:
    verb, resource = what.split(" ", 1)
    plain, _, subresource = resource.partition("/")
    more = [f"--subresource={subresource}"] if subresource else []
    return who.call("auth", "can-i", verb, plain, *more, *where).said.splitlines()[-1] == "yes"


def test_a_subject_runs_and_sees_its_own_work(member: Requester, space: str) -> None:
    assert [what for what in ALLOWED if not may(member, what, "--namespace", space)] == []


def test_a_subject_lifts_none_of_its_limits(member: Requester, space: str) -> None:
    assert [what for what in DENIED if may(member, what, "--namespace", space)] == []


def test_a_subject_has_nothing_anywhere_else(member: Requester, other_space: str) -> None:
    elsewhere = (other_space, GATEWAY, ENGINES, WORKLOADS, "kueue-system", "kube-system", "default")
    found = [
        f"{what} in {place}" for place in elsewhere for what in ("get pods", "get secrets", "create pods")
        if may(member, what, "--namespace", place)
    ]  # fmt: skip
    assert found == []
    assert [what for what in ANYWHERE if may(member, what, "--all-namespaces")] == []


def test_nobody_else_has_anything_there(partitioned: PartitionedPlatform, space: str) -> None:
    outsider = Requester(partitioned.kubectl, "oscar", ("somebody-else",))
    rival = Requester(partitioned.kubectl, "boris", (partitioned.group(OTHER_TENANT),))

    for who in (outsider, rival):
        assert not may(who, "get pods", "--namespace", space)


def test_a_subject_reads_its_key_in_its_own_namespace_and_gets_an_answer_where_the_key_says(
    partitioned: PartitionedPlatform, member: Requester, space: str, own_pod: Prober
) -> None:
    found = member.call("get", "secret", TENANT_KEY_SECRET, "--namespace", space, "--output=json")
    assert found.passed, f"the Secret {TENANT_KEY_SECRET} cannot be read"
    data = {name: base64.b64decode(value).decode() for name, value in json.loads(found.said)["data"].items()}
    address = urlsplit(data["OPENAI_BASE_URL"])
    given = partitioned.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]

    # Compared outside of the assertion, which would print both.
    is_the_given_one = data["OPENAI_API_KEY"] == given
    assert is_the_given_one
    assert address.path == "/v1"
    assert own_pod.reaches(str(address.hostname), address.port or 80)
    assert answered(service_url(partitioned.kubectl), data["OPENAI_API_KEY"]) == 1


# --- what pods may be -------------------------------------------------------------------------------------------


def refused(member: Requester, manifest: Mapping[str, Any], why: str) -> None:
    answer = member.create(manifest)
    assert not answer.passed, answer.said
    assert why in answer.said


def test_a_restricted_pod_passes_and_gets_limits_and_no_token(member: Requester, space: str) -> None:
    answer = member.call(
        "create", "--dry-run=server", "--output=json", "-f", "-", given=pod("plain", space, pod_spec())
    )
    assert answer.passed, answer.said
    made = json.loads(answer.said)

    assert made["spec"]["containers"][0]["resources"]["limits"]["memory"] == "1Gi"
    assert [volume for volume in made["spec"].get("volumes", []) if "projected" in volume] == []


@pytest.mark.parametrize(
    "spec",
    [
        with_container(pod_spec(), securityContext={"privileged": True}),
        pod_spec(hostNetwork=True),
        pod_spec(hostPID=True),
        pod_spec(volumes=[{"name": "node", "hostPath": {"path": "/"}}]),
        {**pod_spec(), "securityContext": {}},
    ],
    ids=["privileged", "host network", "host processes", "host path", "root"],
)
def test_pod_security_refuses_what_is_not_restricted(member: Requester, space: str, spec: dict[str, Any]) -> None:
    refused(member, pod("not-restricted", space, spec), "PodSecurity")


def test_a_pod_within_the_quota_passes_and_one_beyond_it_is_refused(member: Requester, space: str) -> None:
    def asking(cpu: str) -> dict[str, Any]:
        resources = {"requests": {"cpu": cpu, "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
        return pod("sized", space, with_container(pod_spec(), resources=resources))

    assert member.create(asking("1")).passed
    refused(member, asking("5"), "exceeded quota")


def test_gpus_beyond_the_kueue_quota_are_refused(member: Requester, space: str) -> None:
    labels = {QUEUE_LABEL: TENANT}

    assert member.create(pod("one-gpu", space, pod_spec(GPU), labels=labels)).passed
    refused(member, pod("two-gpus", space, pod_spec({"nvidia.com/gpu": "2"}), labels=labels), "exceeded quota")


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_a_service_for_the_cluster_passes_and_one_for_the_world_is_refused(
    member: Requester, space: str, kind: str
) -> None:
    def service(type_: str) -> dict[str, Any]:
        spec = {"type": type_, "selector": {"test": "x"}, "ports": [{"port": 80}]}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": space}, "spec": spec}

    assert member.create(service("ClusterIP")).passed
    refused(member, service(kind), "exceeded quota")


# --- what pods reach --------------------------------------------------------------------------------------------


def test_pods_of_one_tenant_reach_each_other_the_gateway_and_names(own_pod: Prober, dressed_pod: Prober) -> None:
    assert own_pod.reaches(dressed_pod.address, 8080)
    assert own_pod.reaches("gateway.bulkhead-gateway.svc.cluster.local", 4000)


def test_tenants_do_not_reach_each_other_whatever_they_are_labelled(
    own_pod: Prober, dressed_pod: Prober, foreign_pod: Prober
) -> None:
    assert not own_pod.reaches(foreign_pod.address, 8080)
    assert not dressed_pod.reaches(foreign_pod.address, 8080)
    assert not foreign_pod.reaches(own_pod.address, 8080)


def test_no_tenant_reaches_engines_data_administration_the_api_or_the_metadata_server(
    partitioned: PartitionedPlatform, own_pod: Prober, dressed_pod: Prober
) -> None:
    kubectl = partitioned.kubectl
    closed = [
        (address_of(kubectl, ENGINES, "app.kubernetes.io/name=engine"), 8000),
        (address_of(kubectl, GATEWAY, "app.kubernetes.io/name=database"), 5432),
        (address_of(kubectl, GATEWAY, "app.kubernetes.io/name=gateway"), 4001),
        api_server(kubectl),
    ]
    with packets.metadata_server() as metadata, probing(kubectl, "default", "strangers-probe") as stranger:
        assert stranger.reaches(metadata, 80)
        assert stranger.reaches(*api_server(kubectl))
        for host, port in (*closed, (metadata, 80)):
            assert not own_pod.reaches(host, port), (host, port)
            assert not dressed_pod.reaches(host, port), (host, port)


def test_no_tenant_reaches_webhooks_metrics_or_an_engines_other_door(
    partitioned: PartitionedPlatform, own_pod: Prober, dressed_pod: Prober
) -> None:
    """Who reaches the metrics and the door is seen in `governed`, where the same policies open them."""
    closed = {**WATCHED, **{f"webhook of {name}": place for name, place in WEBHOOKS.items()}}
    closed |= {"prometheus": PROMETHEUS, "an engine's door": ENCRYPTED}

    with probing(partitioned.kubectl, "default", "webhooks-probe") as stranger:
        assert reached(stranger, WEBHOOKS) == set(WEBHOOKS)
    assert reached(own_pod, closed) == set()
    assert reached(dressed_pod, closed) == set()


# --- quota ------------------------------------------------------------------------------------------------------


def test_a_job_in_the_tenants_queue_is_admitted_and_borrows_nothing(
    partitioned: PartitionedPlatform, space: str, other_space: str
) -> None:
    """In `governed` the idle GPU would be lent; here a tenant keeps to its own, and one without quota gets none."""
    kubectl = partitioned.kubectl
    try:
        kubectl.apply([lasting_gpu_job("borrows", other_space, OTHER_TENANT), lasting_gpu_job("within", space, TENANT)])
        assert quota_decision(kubectl, space, "within", "True") == "True"
        assert quota_decision(kubectl, other_space, "borrows", "False") == "False"
    finally:
        kubectl.run("delete", "job", "within", "--namespace", space, "--ignore-not-found")
        kubectl.run("delete", "job", "borrows", "--namespace", other_space, "--ignore-not-found")


# --- a tenant leaves and comes back -----------------------------------------------------------------------------


DATA = "data"
RIGHTS_TO_DATA = ("get persistentvolumeclaims", "delete persistentvolumeclaims", "create pods", "create pods/exec")


def claim(namespace: str) -> Manifest:
    """A claim on one of the lab's volumes."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": DATA, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def writer(name: str, namespace: str) -> Manifest:
    """A pod that makes a file of its own name on the claim's volume, and ends."""
    security = {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    volume = {"name": DATA, "persistentVolumeClaim": {"claimName": DATA}}
    spec = with_container(
        pod_spec(securityContext=security, volumes=[volume]),
        command=["/probe", "write", f"/data/{name}"],
        resources={"requests": {"ephemeral-storage": "16Mi"}},
        volumeMounts=[{"name": DATA, "mountPath": "/data"}],
    )
    return pod(name, namespace, spec)


def written(kubectl: Kubectl, who: Requester, name: str, namespace: str) -> None:
    """Have a pod of the tenant's write to its claim, under the tenant's own rights."""
    answer = who.create(writer(name, namespace), dry_run=False)
    assert answer.passed, answer.said
    ended = "--for=jsonpath={.status.phase}=Succeeded"
    kubectl.run("wait", f"pod/{name}", "--namespace", namespace, ended, "--timeout=180s", timeout=200)


@dataclass(frozen=True)
class Kept:
    """What a tenant's data are on the cluster: the claim, the volume behind it, and the names of the files."""

    claim: str
    volume: str
    holder: str
    phase: str
    files: tuple[str, ...]


def kept_in(kubectl: Kubectl, namespace: str) -> Kept:
    """The uids of the claim, of its volume, and of the claim that the volume is held for; its phase, and its files."""
    found = json.loads(kubectl.run("get", "persistentvolumeclaim", DATA, "--namespace", namespace, "--output=json"))
    volume = json.loads(kubectl.run("get", "persistentvolume", found["spec"]["volumeName"], "--output=json"))
    return Kept(
        claim=found["metadata"]["uid"],
        volume=volume["metadata"]["uid"],
        holder=volume["spec"]["claimRef"]["uid"],
        phase=found["status"]["phase"],
        files=tuple(sorted(path.name for path in Path(volume["spec"]["local"]["path"]).iterdir())),
    )


@pytest.fixture
def data_removed(partitioned: PartitionedPlatform, other_space: str) -> Generator[None]:
    """Nothing of the tenant's data is left for the next test, nor on a volume that others may want."""
    yield
    place = ("--namespace", other_space, "--ignore-not-found", "--wait=true")
    partitioned.kubectl.run("delete", "pod", "first", "second", *place, timeout=120)
    partitioned.kubectl.run("delete", "persistentvolumeclaim", DATA, *place, timeout=120)


@pytest.mark.usefixtures("data_removed")
def test_a_tenant_that_leaves_loses_access_and_keeps_its_data_until_it_is_back(
    partitioned: PartitionedPlatform, other_space: str
) -> None:
    stack, kubectl = partitioned.stack, partitioned.kubectl
    everybody = tenants_of(stack, keep_other=True)
    rival = Requester(kubectl, "boris", (partitioned.group(OTHER_TENANT),))
    url = service_url(kubectl)
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][OTHER_TENANT]
    with stack.edited(tenants=everybody):
        stack.deploy()
        made = rival.create(claim(other_space), dry_run=False)
        assert made.passed, made.said
        written(kubectl, rival, "first", other_space)
        before = kept_in(kubectl, other_space)
        assert (before.phase, before.files, before.holder) == ("Bound", ("first",), before.claim)
        assert [what for what in RIGHTS_TO_DATA if not may(rival, what, "--namespace", other_space)] == []
        assert answered(url, key) == 1
    with stack.edited(tenants=[tenant for tenant in everybody if tenant["name"] != OTHER_TENANT]):
        stack.deploy()
        assert kept_in(kubectl, other_space) == before
        assert [what for what in RIGHTS_TO_DATA if may(rival, what, "--namespace", other_space)] == []
        assert not rival.create(writer("second", other_space), dry_run=False).passed
        assert kubectl.run("get", "localqueues", "--namespace", other_space, "--output=name") == ""
        assert kubectl.run("get", "networkpolicies", "--namespace", other_space, "--output=name").split() == [
            "networkpolicy.networking.k8s.io/default-deny"
        ]
        assert answered(url, key) == 0
    stack.deploy()

    assert [what for what in RIGHTS_TO_DATA if not may(rival, what, "--namespace", other_space)] == []
    assert kept_in(kubectl, other_space) == before
    written(kubectl, rival, "second", other_space)
    assert kept_in(kubectl, other_space) == replace(before, files=("first", "second"))
    new_key = stack.engine.outputs(show_secrets=True)["tenant_keys"][OTHER_TENANT]
    assert new_key != key
    assert (answered(url, new_key), answered(url, key)) == (1, 0)


@pytest.mark.full
def test_a_tenant_whose_data_are_to_go_takes_them_along_and_comes_back_with_none(
    partitioned: PartitionedPlatform, other_space: str
) -> None:
    """What the record said at the last update counts, so `delete` was there before the tenant leaves."""
    stack, kubectl = partitioned.stack, partitioned.kubectl
    everybody = tenants_of(stack)
    assert [tenant["workloads"]["when_removed"] for tenant in stack.value("tenants")] == ["delete", "delete"]
    rival = Requester(kubectl, "boris", (partitioned.group(OTHER_TENANT),))
    url = service_url(kubectl)
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][OTHER_TENANT]
    made = rival.create(claim(other_space), dry_run=False)
    assert made.passed, made.said
    written(kubectl, rival, "first", other_space)
    with stack.edited(tenants=[tenant for tenant in everybody if tenant["name"] != OTHER_TENANT]):
        stack.deploy()
        assert kubectl.run("get", "namespace", other_space, "--ignore-not-found", "--output=name") == ""
        assert [what for what in RIGHTS_TO_DATA if may(rival, what, "--namespace", other_space)] == []
        assert answered(url, key) == 0
    stack.deploy()

    assert [what for what in RIGHTS_TO_DATA if not may(rival, what, "--namespace", other_space)] == []
    assert kubectl.run("get", "persistentvolumeclaims", "--namespace", other_space, "--output=name") == ""


# --- other kinds of subjects ------------------------------------------------------------------------------------


USER, ACCOUNT = "uma", "pipeline"
ACCOUNTS_NAMESPACE = "research-ci"


@pytest.mark.full
def test_a_user_and_a_service_account_act_for_the_tenant_that_names_them_and_for_nobody_else(
    partitioned: PartitionedPlatform, space: str, other_space: str
) -> None:
    stack, kubectl = partitioned.stack, partitioned.kubectl
    named = [
        {"kind": "user", "name": USER},
        {"kind": "service_account", "name": ACCOUNT, "namespace": ACCOUNTS_NAMESPACE},
    ]
    whoever = [Requester(kubectl, name) for name in (USER, f"system:serviceaccount:{ACCOUNTS_NAMESPACE}:{ACCOUNT}")]
    tenants = [
        {**tenant, "subjects": [*tenant["subjects"], *named]} if tenant["name"] == TENANT else tenant
        for tenant in stack.value("tenants")
    ]

    def acting(namespace: str) -> list[bool]:
        return [may(who, "create jobs.batch", "--namespace", namespace) for who in whoever]

    assert acting(space) == [False, False]
    with stack.edited(tenants=tenants):
        stack.deploy()
        assert acting(space) == [True, True]
        assert acting(other_space) == [False, False]
        of_another_namespace = Requester(kubectl, f"system:serviceaccount:default:{ACCOUNT}")
        assert not may(of_another_namespace, "create jobs.batch", "--namespace", space)
        denied = [what for who in whoever for what in DENIED if may(who, what, "--namespace", space)]
        assert denied == []
    stack.deploy()
    assert acting(space) == [False, False]


def answered(url: str, key: str) -> int:
    """How many of one completion asked for with a key are answered."""
    return len(Load(url, key, MODEL, concurrency=1, requests=1, seconds=120).run().answered)
