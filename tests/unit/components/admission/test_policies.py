"""The GPU policies as manifests. What their CEL decides is tested on a real API server."""

import dataclasses
import json
import re
from typing import Any, cast

import pytest

from components.admission import GpuAdmission, GpuAdmissionArgs, gpu_policies
from components.admission.cel import text
from infra.blueprint.admission import (
    AdmissionAction,
    GpuAdmissionPart,
    PlacementAdmissionPart,
    PlatformQueuePart,
    SharedQueuePart,
)
from infra.blueprint.devices import BACKWARDS, DEVICE_FILES, DEVICE_FOLDERS, DEVICE_MOUNTS, spelled
from infra.plan import PlannedResource, record

PLACEMENT = PlacementAdmissionPart(
    action=AdmissionAction.DENY,
    dedicated_key="example.com/dedicated",
    label_keys=("example.com/pool",),
    open_labels=("example.com/pool=open",),
    own_labels={"research": ("example.com/pool=own",)},
    priority_classes=("batch",),
    runtime_classes=(),
)
PART = GpuAdmissionPart(
    action=AdmissionAction.DENY,
    tenant_objects=AdmissionAction.DENY,
    sharing=AdmissionAction.DENY,
    placement=PLACEMENT,
    managed_namespace_labels={"example.com/managed": "yes"},
    exempt_namespaces=("gpu-operator", "kube-system"),
    tenant_label="example.com/tenant",
    tenant_cluster_queue_prefix="tenant-",
    platform_queues=(PlatformQueuePart("engines", "serving", "all-serving"),),
    shared_namespace="workloads",
    shared_queues=(SharedQueuePart("research", "tenant-research", ("alice",), ("research-team",)),),
    accelerator_labels=(("example.com/pool", "l4"),),
    taint_keys=("nvidia.com/gpu",),
    dedicated_without_gpus=(),
    kueue_account="system:serviceaccount:kueue-system:kueue",
    owner_controllers=("system:serviceaccount:kube-system:job-controller",),
    part_controllers=("system:serviceaccount:kube-system:replicaset-controller",),
)


def policies(part: GpuAdmissionPart = PART) -> dict[str, dict[str, Any]]:
    return {policy["metadata"]["name"]: policy["spec"] for policy in gpu_policies(part)}


def test_every_policy_denies_and_fails_closed() -> None:
    for spec in policies().values():
        assert spec["validationActions"] == ["Deny"]
        assert spec["failurePolicy"] == "Fail"


def test_every_policy_becomes_the_api_servers_own() -> None:
    for spec in policies().values():
        assert spec["autogen"] == {
            # Kyverno makes no policy of the API server's of one that it also rewrites for pod controllers.
            "podControllers": {"controllers": []},
            "validatingAdmissionPolicy": {"enabled": True},
        }


def acting(action: AdmissionAction, part: GpuAdmissionPart = PART) -> GpuAdmissionPart:
    placement = dataclasses.replace(part.placement, action=action)
    return dataclasses.replace(part, action=action, tenant_objects=action, sharing=action, placement=placement)


def test_an_audit_warns_and_refuses_nothing() -> None:
    for spec in policies(acting(AdmissionAction.AUDIT)).values():
        assert spec["validationActions"] == ["Audit", "Warn"]


def test_without_an_action_there_is_no_policy() -> None:
    assert gpu_policies(acting(AdmissionAction.OFF)) == []


def test_each_controls_policies_stand_alone() -> None:
    off = acting(AdmissionAction.OFF)
    placed = dataclasses.replace(off.placement, action=AdmissionAction.DENY)

    assert set(policies(dataclasses.replace(off, sharing=AdmissionAction.DENY))) == {
        "bulkhead-hw2-shared-gpus",
        "bulkhead-hw2-sharing",
    }
    assert set(policies(dataclasses.replace(off, tenant_objects=AdmissionAction.DENY))) == {
        "bulkhead-ns3-account-tokens",
        "bulkhead-ns3-service-addresses",
    }
    assert set(policies(dataclasses.replace(off, placement=placed))) == {"bulkhead-hw3-placement"}


def test_changes_are_judged_as_creations_are_and_deletions_by_a_policy_of_their_own() -> None:
    for name, spec in policies().items():
        for rule in spec["matchConstraints"]["resourceRules"]:
            deletions = name == "bulkhead-gpu-deletions"
            assert rule["operations"] == (["DELETE"] if deletions else ["CREATE", "UPDATE"])


def test_of_a_deletion_nothing_but_the_old_object_is_looked_at() -> None:
    """There is no other, and an expression that failed would keep everything from being deleted."""
    spec = policies()["bulkhead-gpu-deletions"]
    written = json.dumps([spec["variables"], spec["validations"]])

    assert "oldObject.?spec" in written
    assert not re.search(r"(?<![A-Za-z])object\b", written)


@pytest.mark.parametrize("policy", ["bulkhead-gpu-pods", "bulkhead-gpu-workloads", "bulkhead-gpu-deletions"])
def test_who_looks_after_objects_for_the_cluster_is_told_by_names_that_no_tenant_has(policy: str) -> None:
    variables = {variable["name"]: variable["expression"] for variable in policies()[policy]["variables"]}

    assert "'system:serviceaccounts:kube-system'" in variables["keeper"]
    assert "'system:nodes'" in variables["keeper"]
    assert "'system:kube-scheduler'" in variables["keeper"]


@pytest.mark.parametrize("place", ["spec", "spec.?rayClusterSpec", "spec.?rayClusterConfig"])
def test_what_ray_puts_beside_a_head_is_judged_as_a_container(place: str) -> None:
    for name in ("bulkhead-gpu-workloads", "bulkhead-gpu-elsewhere"):
        variables = {variable["name"]: variable["expression"] for variable in policies()[name]["variables"]}
        assert f"object.?{place}.?autoscalerOptions" in variables["pods"]


@pytest.mark.parametrize(
    "resource",
    [
        "pods",
        "pods/ephemeralcontainers",
        "jobs",
        "cronjobs",
        "jobsets",
        "deployments",
        "statefulsets",
        "replicasets",
        "replicationcontrollers",
        "daemonsets",
        "leaderworkersets",
        "rayclusters",
        "rayjobs",
        "rayservices",
    ],
)
def test_whatever_makes_pods_is_judged_in_managed_namespaces_and_in_all_others(resource: str) -> None:
    named = policies()
    inside = [*_resources(named["bulkhead-gpu-pods"]), *_resources(named["bulkhead-gpu-workloads"])]

    assert resource in inside
    assert resource in _resources(named["bulkhead-gpu-elsewhere"])
    assert resource in _resources(named["bulkhead-gpu-deletions"]) or resource.startswith("pods/")


def _resources(spec: dict[str, Any]) -> list[str]:
    return [resource for rule in spec["matchConstraints"]["resourceRules"] for resource in rule["resources"]]


def test_managed_namespaces_and_all_others_leave_out_only_the_exempt_ones() -> None:
    named = policies()
    selectors = {name: spec["matchConstraints"]["namespaceSelector"] for name, spec in named.items()}
    elsewhere = selectors.pop("bulkhead-gpu-elsewhere")
    anywhere = selectors.pop("bulkhead-hw2-sharing")

    assert anywhere == {"matchExpressions": elsewhere["matchExpressions"][1:]}
    assert all(selector == {"matchLabels": {"example.com/managed": "yes"}} for selector in selectors.values())
    assert elsewhere == {
        "matchExpressions": [
            {"key": "example.com/managed", "operator": "NotIn", "values": ["yes"]},
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["gpu-operator", "kube-system"]},
        ]
    }


def test_managed_namespaces_told_by_two_labels_have_no_complement() -> None:
    with pytest.raises(ValueError, match="exactly one label"):
        gpu_policies(dataclasses.replace(PART, managed_namespace_labels={"a": "b", "c": "d"}))


def test_every_refusal_names_the_control() -> None:
    for name, spec in policies().items():
        subject = name.split("-")[1]
        control = "SR2" if subject == "gpu" else subject.upper()
        for validation in spec["validations"]:
            assert validation["message"].startswith(f"{control}: ")
            assert validation.get("messageExpression", f"'{control}: ").startswith(f"'{control}: ")


def test_devices_are_found_in_any_spelling_of_their_paths() -> None:
    written = {name: json.dumps(spec["validations"]) for name, spec in policies().items()}
    inside = ("bulkhead-gpu-pods", "bulkhead-gpu-workloads")
    for name in (*inside, "bulkhead-gpu-elsewhere"):
        for pattern in (spelled(DEVICE_MOUNTS), spelled(DEVICE_FILES), BACKWARDS):
            assert json.dumps(f".matches({text(pattern)})")[1:-1] in written[name]
    # Agents of the cluster's own mount its folders, outside of the namespaces where tenants work.
    folders = json.dumps(text(DEVICE_FOLDERS))[1:-1]
    assert [name for name in written if folders in written[name]] == sorted(inside)


def test_where_tenants_have_namespaces_of_their_own_no_policy_names_a_tenant() -> None:
    """Otherwise each new tenant would change a policy that all others stand under."""
    open_to_all = dataclasses.replace(PLACEMENT, own_labels={})
    alone = dataclasses.replace(PART, shared_queues=(), placement=open_to_all)

    assert "research" not in json.dumps(gpu_policies(alone))
    assert "research" in json.dumps(gpu_policies(PART))


def test_users_and_groups_can_not_pass_for_each_other() -> None:
    written = json.dumps(gpu_policies(PART))

    assert "'user:alice'" in written
    assert "'group:research-team'" in written
    assert "'alice'" not in written


def planned(part: GpuAdmissionPart = PART) -> list[PlannedResource]:
    plan = record("test", lambda: _make(part))
    return [resource for resource in plan.resources if resource.type.endswith(":ValidatingPolicy")]


def _make(part: GpuAdmissionPart) -> None:
    GpuAdmission("gpu-admission", GpuAdmissionArgs(part))


def test_a_policy_is_waited_for_until_the_api_server_has_it() -> None:
    resources = planned()

    assert len(resources) == len(gpu_policies(PART))
    for resource in resources:
        annotations = cast("dict[str, Any]", resource.inputs["metadata"])["annotations"]
        assert annotations == {"pulumi.com/waitFor": "jsonpath={.status.generated}=true"}
