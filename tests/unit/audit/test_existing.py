"""What exists is judged as if it were sent once more, by whoever acts for its tenant."""

import io
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.audit.cluster import Answer, Kind
from infra.audit.existing import ExistingReport, WouldBeRefused, judge_existing, read_existing
from infra.audit.existing.read import LEFT_OUT, Existing
from infra.audit.existing.sent import as_sent, sender_of, sent_by_somebody
from infra.audit.identity import ADMINISTRATOR, Identity
from infra.audit.offline.policies import Objection
from infra.blueprint import names
from infra.faults import CommandFailedError
from infra.plan import plan
from infra.report.existing_report import existing_json, print_existing
from tests.unit.audit.stacks import platform

SHARED = platform("governed").blueprint
SEPARATE = platform("partitioned").blueprint
QUEUE = "kueue.x-k8s.io/queue-name"


def thing(kind: str = "Pod", namespace: str | None = names.WORKLOADS_NAMESPACE, name: str = "one", **more: Any) -> Any:
    place = {"namespace": namespace} if namespace else {}
    metadata = {"name": name, "uid": str(uuid.uuid4()), **place, **more.pop("metadata", {})}
    api = {"Pod": "v1", "Job": "batch/v1"}.get(kind, "apps/v1")
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {}, **more}


# --- what is read -----------------------------------------------------------------------------------------------


@dataclass
class Listing:
    """A cluster that serves some kinds and lists what it has of them, a few at a time."""

    objects: Mapping[str, Sequence[Mapping[str, Any]]]
    denied: frozenset[str] = frozenset()
    refused: Mapping[str, int] = field(default_factory=dict[str, int])
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    page: int = 2

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> Answer:
        self.asked.append((method, path))
        if path in self.refused:
            return Answer(self.refused[path], {})
        if path in self._discovery():
            return Answer(200, self._discovery()[path])
        plural = path.rpartition("/")[2]
        if plural in self.denied:
            return Answer(403, {"message": f"cannot list {plural}"})
        if plural not in self.objects:
            return Answer(404, {})
        start = int((query or {}).get("continue", "0"))
        following = str(start + self.page) if start + self.page < len(self.objects[plural]) else ""
        return Answer(
            200, {"items": self.objects[plural][start : start + self.page], "metadata": {"continue": following}}
        )

    def kind(self, api_version: str, kind: str) -> Kind | None:
        raise AssertionError("kinds are read from what policies look at")

    def _discovery(self) -> Mapping[str, dict[str, Any]]:
        return {
            "/api/v1": {"resources": [self._served("pods", "Pod"), self._served("pods/binding", "Binding")]},
            "/apis/apps": {"preferredVersion": {"groupVersion": "apps/v1"}},
            "/apis/apps/v1": {"resources": [self._served("deployments", "Deployment")]},
            "/apis/batch": {"preferredVersion": {"groupVersion": "batch/v1"}},
            "/apis/batch/v1": {"resources": []},
        }

    @staticmethod
    def _served(name: str, kind: str) -> dict[str, Any]:
        return {"name": name, "kind": kind, "namespaced": True}


POLICIES = plan(platform("governed")).admission_policies


def listing(**more: Any) -> Listing:
    items = [{"metadata": {"name": f"pod-{index}", "namespace": "default"}} for index in range(5)]
    spaces = [{"metadata": {"name": "default", "labels": {"a": "b"}}}, {"metadata": {"name": "bare"}}]
    return Listing({"pods": items, "deployments": [], "namespaces": spaces}, **more)


def test_every_object_that_policies_look_at_is_read_page_by_page_with_its_kind() -> None:
    found = read_existing(listing(), POLICIES)

    assert [one["metadata"]["name"] for one in found.objects] == [f"pod-{index}" for index in range(5)]
    assert {(one["apiVersion"], one["kind"]) for one in found.objects} == {("v1", "Pod")}
    assert found.namespaces == {"default": {"a": "b"}, "bare": {}}


def test_reading_changes_nothing_and_reads_no_secret() -> None:
    cluster = listing()
    read_existing(cluster, POLICIES)

    assert {method for method, _ in cluster.asked} == {"GET"}
    assert not any(path.endswith(f"/{name}") for _, path in cluster.asked for name in LEFT_OUT)


def test_a_cluster_that_does_not_let_one_list_says_what() -> None:
    with pytest.raises(CommandFailedError, match="list pods"):
        read_existing(listing(denied=frozenset({"pods"})), POLICIES)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/api/v1", "kinds of v1"), ("/apis/apps", "versions of apps"), ("/apis/apps/v1", "kinds of apps/v1")],
)
def test_a_server_that_does_not_tell_what_it_serves_is_no_server_without_it(path: str, asked: str, status: int) -> None:
    with pytest.raises(CommandFailedError, match=f"which {asked} it serves \\({status}\\)"):
        read_existing(listing(refused={path: status}), POLICIES)


def test_kinds_of_a_group_that_the_cluster_does_not_have_are_nowhere() -> None:
    found = read_existing(listing(refused={"/apis/apps": 404}), POLICIES)

    assert {one["kind"] for one in found.objects} == {"Pod"}


# --- what is sent again, and by whom ----------------------------------------------------------------------------


def owned_by(*owners: Any, controller: bool = True) -> dict[str, Any]:
    references = [
        {"kind": owner["kind"], "name": "owner", "uid": owner["metadata"]["uid"], "controller": controller}
        for owner in owners
    ]
    return {"ownerReferences": references}


def ended(kind: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True"}]}


@pytest.mark.parametrize(
    ("existing", "sent"),
    [
        (thing(), True),
        (thing(status={"phase": "Succeeded"}), False),
        (thing(status={"phase": "Running", **ended("Ready")}), True),
        (thing("Job", status=ended("Complete")), False),
        (thing("Job", status={"conditions": [{"type": "Failed", "status": "False"}]}), True),
        (thing("JobSet", status=ended("Completed")), False),
        (thing("Deployment", status=ended("Complete")), True),
        (thing("RayJob", status={"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}), False),
        (thing("RayJob", status={"jobDeploymentStatus": "Failed"}), False),
        (thing("RayJob", status={"jobDeploymentStatus": "Running"}), True),
        (thing(metadata={"deletionTimestamp": "2026-11-29T10:00:00Z"}), False),
    ],
    ids=["bare", "over", "runs", "done", "works", "set", "never", "ray", "ray failed", "ray runs", "ends"],
)
def test_what_has_ended_is_left_out(existing: dict[str, Any], sent: bool) -> None:
    assert sent_by_somebody([existing]) == ([existing] if sent else [])


def test_what_a_controller_makes_of_what_is_sent_is_left_out() -> None:
    deployment = thing("Deployment")
    replicas = thing("ReplicaSet", metadata=owned_by(deployment))
    pod = thing(metadata=owned_by(replicas))

    assert sent_by_somebody([pod, replicas, deployment]) == [deployment]
    assert sent_by_somebody([pod, replicas]) == [replicas]


def test_an_owner_that_is_not_looked_at_leaves_nothing_out_whatever_its_kind_is_called() -> None:
    """As Volcano's `Job` and Kubernetes' own."""
    own, others = thing("Job", name="own"), {**thing("Job"), "apiVersion": "batch.volcano.sh/v1alpha1"}
    pods = [thing(metadata=owned_by(one)) for one in (own, others)]

    assert sent_by_somebody([own, *pods]) == [own, pods[1]]


def test_an_owner_that_controls_nothing_or_has_ended_or_is_elsewhere_leaves_nothing_out() -> None:
    """Who owns an object is what its sender wrote."""
    job = thing("Job", namespace="elsewhere")
    over = thing("Job", status=ended("Complete"))
    deployment = thing("Deployment")
    pods = [
        thing(metadata=owned_by(job)),
        thing(metadata=owned_by(over)),
        thing(metadata=owned_by(deployment, controller=False)),
    ]

    assert sent_by_somebody([job, over, deployment, *pods]) == [job, deployment, *pods]


def test_objects_that_own_each_other_hide_nothing() -> None:
    first, second = thing("Deployment"), thing("ReplicaSet")
    first["metadata"] |= owned_by(second)
    second["metadata"] |= owned_by(first)
    pod = thing(metadata=owned_by(second))

    assert sent_by_somebody([first, second, pod]) == [first, second, pod]


def test_what_the_cluster_wrote_is_taken_out_and_what_the_sender_wrote_stays() -> None:
    written: dict[str, Any] = {"uid": "1", "resourceVersion": "2", "managedFields": [], "labels": {QUEUE: "tenant-0"}}
    existing = thing(metadata=written, status={"phase": "Running"})
    existing["spec"] = {"nodeName": "node", "containers": [{"name": "main"}]}

    sent = as_sent(existing, "existing-1")

    assert sent["metadata"] == {
        "name": "existing-1",
        "namespace": names.WORKLOADS_NAMESPACE,
        "labels": {QUEUE: "tenant-0"},
    }
    assert sent["spec"] == {"containers": [{"name": "main"}]}
    assert "status" not in sent
    assert existing["spec"]["nodeName"] == "node"


def test_in_a_namespace_of_its_own_everything_is_its_tenants() -> None:
    namespace = SEPARATE.tenants[1].namespace

    sender = sender_of(thing(namespace=namespace), SEPARATE)

    assert (sender.tenant, sender.identity.groups[0]) == ("tenant-1", "team-1")


def test_where_tenants_share_a_namespace_the_queue_tells_whose_it_is() -> None:
    template = {"metadata": {"labels": {QUEUE: "tenant-0"}}}
    queued = [thing(metadata={"labels": {QUEUE: "tenant-0"}}), thing("CronJob", spec={"jobTemplate": template})]
    others = [thing(), thing(metadata={"labels": {QUEUE: "made-up"}})]

    assert {sender_of(one, SHARED).tenant for one in queued} == {"tenant-0"}
    assert {sender_of(one, SHARED).identity for one in others} == {
        Identity("bulkhead-audit:unknown", ADMINISTRATOR.groups[1:])
    }


def test_elsewhere_an_administrator_is_taken_to_have_sent_it() -> None:
    for existing in (thing(namespace=names.ENGINES_NAMESPACE), thing("DeviceClass", namespace=None)):
        assert sender_of(existing, SHARED).identity == ADMINISTRATOR


# --- what is said of it -----------------------------------------------------------------------------------------


@dataclass
class Objecting:
    """Policies that object to whatever says so in a label."""

    asked: list[tuple[Identity, list[dict[str, Any]]]] = field(
        default_factory=list[tuple[Identity, list[dict[str, Any]]]]
    )

    def objections(self, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> list[Objection]:
        self.asked.append((identity, [dict(one) for one in objects]))
        return [
            Objection(str(one["metadata"]["name"]), "bulkhead-gpu-pods", "SR2: no")
            for one in objects
            if "bad" in (one["metadata"].get("labels") or {})
        ]


BAD = {"labels": {"bad": "yes", QUEUE: "tenant-0"}}
MANAGED = {names.WORKLOADS_NAMESPACE: dict(SHARED.quota.managed_namespace_labels)}


def test_objects_of_one_name_are_told_apart_by_kind_and_namespace() -> None:
    objects = (thing(metadata=BAD), thing("Deployment", metadata=BAD), thing(namespace="elsewhere"))

    judged = judge_existing(Existing(objects, MANAGED), SHARED, Objecting())

    assert judged.looked_at == 3
    assert [(one.tenant, one.namespace, one.kind, one.name) for one in judged.refused] == [
        ("tenant-0", names.WORKLOADS_NAMESPACE, "Deployment", "one"),
        ("tenant-0", names.WORKLOADS_NAMESPACE, "Pod", "one"),
    ]
    assert judged.refused[0].identity == "group team-0"


def test_what_kueue_let_go_is_judged_as_it_was_held() -> None:
    policies = Objecting()
    job = thing("Job", metadata={"labels": {QUEUE: "tenant-0"}}, spec={"suspend": False})
    pod = thing("Pod", metadata={"labels": {QUEUE: "tenant-0"}}, spec={"containers": []})
    judge_existing(Existing((job, pod), MANAGED), SHARED, policies)

    ((_, (seen_job, seen_pod)),) = policies.asked
    assert seen_job["spec"]["suspend"] is True
    assert seen_pod["spec"]["schedulingGates"] == [{"name": "kueue.x-k8s.io/admission"}]


def test_only_the_named_tenants_objects_are_judged() -> None:
    objects = (thing(metadata=BAD), thing(namespace="elsewhere", metadata={"labels": {"bad": "yes"}}))

    judged = judge_existing(Existing(objects, MANAGED), SHARED, Objecting(), frozenset({"tenant-1"}))

    assert (judged.looked_at, judged.refused) == (0, ())


def test_what_an_owner_makes_is_judged_where_the_owner_is_not_asked_for() -> None:
    owner = thing("Deployment", metadata={"labels": {QUEUE: "tenant-1"}})
    pod = thing(metadata={**BAD, **owned_by(owner)})

    def refused(tenants: frozenset[str] | None) -> list[str]:
        judged = judge_existing(Existing((owner, pod), MANAGED), SHARED, Objecting(), tenants)
        return [one.kind for one in judged.refused]

    assert refused(None) == []
    assert refused(frozenset({"tenant-0"})) == ["Pod"]


def test_many_objects_are_judged_some_at_a_time_and_none_is_lost() -> None:
    policies = Objecting()
    objects = tuple(thing(name=f"pod-{index:03}", metadata=BAD) for index in range(450))

    judged = judge_existing(Existing(objects, MANAGED), SHARED, policies)

    assert [len(several) for _, several in policies.asked] == [200, 200, 50]
    assert [one.name for one in judged.refused] == [f"pod-{index:03}" for index in range(450)]


# --- how it is reported -----------------------------------------------------------------------------------------

ONE = WouldBeRefused("tenant-0", "place", "Pod", "one", "bulkhead-gpu-pods", "SR2: no queue", "group team-0")


def report(*refused: WouldBeRefused, policies: tuple[str, ...] = ("bulkhead-gpu-pods",)) -> ExistingReport:
    return ExistingReport("tests", "governed", "context", policies, 7, refused)


def printed(of: ExistingReport) -> str:
    stream = io.StringIO()
    print_existing(of, stream)
    return stream.getvalue()


def test_the_table_names_each_object_once_with_all_that_is_against_it() -> None:
    other = WouldBeRefused("", "", "DeviceClass", "shared", "bulkhead-hw2-claims", "HW2: shared", "kubernetes-admin")
    again = WouldBeRefused("tenant-0", "place", "Pod", "one", "bulkhead-hw3-placement", "HW3: a node", "group team-0")
    text = printed(report(other, ONE, again))

    assert text.count("Pod place/one") == 1
    assert "the platform, or no tenant that is known" in text
    assert "bulkhead-hw3-placement, as group team-0: HW3: a node" in text
    assert "2 would be refused, of 7 objects" in text


def test_where_nothing_is_refused_it_is_said_why() -> None:
    assert "Nothing would be refused, of 7 objects" in printed(report())
    assert "The tier has no admission policies" in printed(report(policies=()))


def test_the_document_has_every_field() -> None:
    document = json.loads(existing_json(report(ONE)))

    assert document["would_be_refused"] == [
        {
            "tenant": "tenant-0",
            "namespace": "place",
            "kind": "Pod",
            "name": "one",
            "policy": "bulkhead-gpu-pods",
            "message": "SR2: no queue",
            "identity": "group team-0",
        }
    ]
    assert (document["looked_at"], document["policies"]) == (7, ["bulkhead-gpu-pods"])
