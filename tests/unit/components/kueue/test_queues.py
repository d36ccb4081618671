"""The queues: what is guaranteed, what may be borrowed, and in which order things come and go."""

import dataclasses
from typing import Any, cast

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.kueue import Queues, QueuesArgs
from infra.blueprint.model import (
    ClusterQueuePart,
    FlavorQuotaPart,
    LocalQueuePart,
    PriorityClassPart,
    ResourceFlavorPart,
    ResourceQuotaGroupPart,
    TolerationPart,
)
from infra.plan import Plan, record
from tests.unit.components.kueue.test_kueue import QUOTA

PART = dataclasses.replace(
    QUOTA,
    flavors=(
        ResourceFlavorPart("l4-whole", {"b": "2", "a": "1"}, (TolerationPart("nvidia.com/gpu", None, "NoSchedule"),)),
        ResourceFlavorPart("h100-own", {"a": "3"}, (TolerationPart("dedicated", "red", "NoSchedule"),)),
    ),
    cluster_queues=(
        ClusterQueuePart(
            "tenant-red",
            "red",
            (
                ResourceQuotaGroupPart(
                    "nvidia.com/gpu", (FlavorQuotaPart("l4-whole", 4, None), FlavorQuotaPart("h100-own", 2, 0))
                ),
            ),
        ),
        ClusterQueuePart("empty", None, ()),
    ),
    local_queues=(LocalQueuePart("red", "work", "tenant-red", "red"),),
    priority_classes=(PriorityClassPart("batch", 100, "Jobs."),),
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return record("test", _make)


def _make() -> None:
    Queues("queues", QueuesArgs(PART))


def spec(plan: Plan, name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", plan.named(name).inputs["spec"])


def test_a_flavor_selects_its_nodes_and_brings_the_tolerations_for_them(plan: Plan) -> None:
    assert spec(plan, "queues-flavor-l4-whole") == {
        "nodeLabels": {"a": "1", "b": "2"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }


def test_a_dedicated_flavor_tolerates_only_its_own_tenants_taint(plan: Plan) -> None:
    assert spec(plan, "queues-flavor-h100-own")["tolerations"] == [
        {"key": "dedicated", "operator": "Equal", "value": "red", "effect": "NoSchedule"}
    ]


def test_quota_is_guaranteed_by_flavor_and_borrowing_is_limited_only_where_the_blueprint_says(plan: Plan) -> None:
    (group,) = spec(plan, "queues-cluster-queue-tenant-red")["resourceGroups"]

    assert group == {
        "coveredResources": ["nvidia.com/gpu"],
        "flavors": [
            {"name": "l4-whole", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": "4"}]},
            {"name": "h100-own", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": "2", "borrowingLimit": "0"}]},
        ],
    }


def test_every_cluster_queue_is_of_the_one_cohort_and_open_to_managed_namespaces_only(plan: Plan) -> None:
    for name in ("queues-cluster-queue-tenant-red", "queues-cluster-queue-empty"):
        assert spec(plan, name)["cohortName"] == "all"
        assert spec(plan, name)["namespaceSelector"] == {"matchLabels": {"example.com/managed": "yes"}}


def test_borrowed_devices_go_back_to_whom_they_are_guaranteed(plan: Plan) -> None:
    preemption = spec(plan, "queues-cluster-queue-tenant-red")["preemption"]

    assert preemption["reclaimWithinCohort"] == "Any"
    assert preemption["withinClusterQueue"] == "LowerPriority"
    assert preemption["borrowWithinCohort"] == {"policy": "Never"}


def test_a_queue_waits_for_its_flavors_and_an_entry_for_its_queue(plan: Plan) -> None:
    flavors = {plan.named(f"queues-flavor-{name}").urn for name in ("l4-whole", "h100-own")}
    queue = plan.named("queues-cluster-queue-tenant-red")

    assert set(queue.options.dependencies) == flavors
    assert plan.named("queues-local-queue-work/red").options.dependencies == (queue.urn,)


def test_a_priority_class_keeps_its_value_beside_its_metadata(plan: Plan) -> None:
    inputs = plan.named("queues-priority-batch").inputs

    assert (inputs["value"], inputs["description"]) == (100, "Jobs.")
    assert "spec" not in inputs


def test_a_tenants_objects_carry_its_name(plan: Plan) -> None:
    for name in ("queues-cluster-queue-tenant-red", "queues-local-queue-work/red"):
        metadata = cast("dict[str, Any]", plan.named(name).inputs["metadata"])
        assert metadata["labels"]["bulkhead.dev/tenant"] == "red"


def test_a_workload_waits_for_its_entry_and_its_priority() -> None:
    def program() -> None:
        queues = Queues("queues", QueuesArgs(PART))
        kubernetes.core.v1.ConfigMap(
            "workload",
            metadata={"name": "workload"},
            opts=pulumi.ResourceOptions(depends_on=list(queues.entry("work", "red", "batch"))),
        )

    made = record("test", program)

    assert set(made.named("workload").options.dependencies) == {
        made.named("queues-local-queue-work/red").urn,
        made.named("queues-priority-batch").urn,
    }
