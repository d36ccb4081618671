"""What is at work on a node pool, as the cluster's objects tell of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from components.kueue.queues import API_VERSION
from infra.faults import CommandFailedError
from infra.live import cluster as module
from infra.live.cluster import WORKLOADS, LiveCluster

POOL, OTHER = "l4-whole", "h100-whole"
RESERVED = {"type": "QuotaReserved", "status": "True"}
ADMITTED = {"type": "Admitted", "status": "True"}


class Objects:
    """A cluster's objects, by the calls that read them; an exception in their place is raised."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.pods: list[Any] = []
        self.workloads: list[dict[str, Any]] | ApiException = []

    def list_node(self, **_: Any) -> Any:
        return SimpleNamespace(items=self.nodes)

    def list_pod_for_all_namespaces(self, **_: Any) -> Any:
        return SimpleNamespace(items=self.pods)

    def list_cluster_custom_object(self, group: str, version: str, plural: str, **_: Any) -> Any:
        assert (group, version, plural) == WORKLOADS
        if isinstance(self.workloads, ApiException):
            raise self.workloads
        return {"items": self.workloads}


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Objects:
    found = Objects()

    def of(_: object) -> Objects:
        return found

    for name in ("CoreV1Api", "CustomObjectsApi"):
        monkeypatch.setattr(module.client, name, of)
    return found


def live() -> LiveCluster:
    return LiveCluster("test", None)


def pod(name: str, node: str | None, owner: str = "Job") -> Any:
    owners = [SimpleNamespace(kind=owner)]
    metadata = SimpleNamespace(namespace="jobs", name=name, owner_references=owners)
    return SimpleNamespace(metadata=metadata, spec=SimpleNamespace(node_name=node))


def workload(name: str, *conditions: dict[str, str], flavor: str | None = POOL) -> dict[str, Any]:
    """One with two sets of pods, of which the second asks for GPUs; without a flavor, one that waits."""
    sets = [
        {"name": "launcher", "flavors": {"cpu": OTHER}},
        {"name": "workers", "flavors": {"cpu": OTHER, "nvidia.com/gpu": flavor}},
    ]
    admission = {"admission": {"clusterQueue": "one", "podSetAssignments": sets}} if flavor else {}
    return {
        "metadata": {"namespace": "jobs", "name": name},
        "status": {"conditions": list(conditions), **admission},
    }


def test_pods_on_the_pool_s_nodes_are_at_work_and_those_of_every_node_are_not(objects: Objects) -> None:
    objects.nodes = [SimpleNamespace(metadata=SimpleNamespace(name="node-1"))]
    objects.pods = [pod("here", "node-1"), pod("plugin", "node-1", "DaemonSet"), pod("there", "node-2")]

    assert live().working_pods("bulkhead.dev/pool", POOL) == ("jobs/here",)


def test_a_pod_that_has_no_node_yet_is_told_by_its_workload(objects: Objects) -> None:
    objects.nodes = [SimpleNamespace(metadata=SimpleNamespace(name="node-1"))]
    objects.pods = [pod("pending", None)]
    objects.workloads = [workload("job-train", RESERVED, ADMITTED)]

    assert live().working_pods("bulkhead.dev/pool", POOL) == ()
    assert live().admitted_workloads(POOL) == ("jobs/job-train",)


def test_quota_that_is_reserved_counts_before_all_checks_have_admitted_it(objects: Objects) -> None:
    objects.workloads = [workload("job-checked", RESERVED)]

    assert live().admitted_workloads(POOL) == ("jobs/job-checked",)


def test_a_workload_that_waits_has_finished_or_is_on_another_pool_does_not_count(objects: Objects) -> None:
    objects.workloads = [
        workload("waits", flavor=None),
        workload("finished", RESERVED, ADMITTED, {"type": "Finished", "status": "True"}),
        workload("elsewhere", RESERVED, ADMITTED, flavor=OTHER),
        {"metadata": {"namespace": "jobs", "name": "new"}},
    ]

    assert live().admitted_workloads(POOL) == ()


def test_a_cluster_without_kueue_has_no_workloads(objects: Objects) -> None:
    objects.workloads = ApiException(status=404, reason="Not Found")

    assert live().admitted_workloads(POOL) == ()


def test_workloads_that_must_not_be_read_end_the_command_with_what_it_takes(objects: Objects) -> None:
    objects.workloads = ApiException(status=403, reason="Forbidden")

    with pytest.raises(CommandFailedError) as refused:
        live().admitted_workloads(POOL)

    (fault,) = refused.value.faults
    assert fault.follows == "whether anything runs on a node pool cannot be told"
    assert "workloads.kueue.x-k8s.io" in fault.write


def test_workloads_are_read_by_the_version_in_which_queues_are_written() -> None:
    assert "/".join(WORKLOADS[:2]) == API_VERSION
