"""What the admission policies are told of a stack, and what Kyverno is made from."""

from typing import Any

import pytest

from infra.blueprint.admission import AdmissionAction, PlacementAdmissionPart
from infra.blueprint.gpu_admission import gpu_admission_part
from infra.blueprint.model import AdmissionPart, ChartImagePart
from infra.config.trust import ControlId
from infra.pins import KYVERNO_IMAGE, KYVERNO_INIT_IMAGE
from infra.posture import Platform, platform_of
from infra.trust.posture import ControlState, Finding
from tests.unit.config.documents import TODAY, only_fault, sound

GROUP = {"kind": "group", "name": "one-team"}
USER = {"kind": "user", "name": "anna@example.com"}
ACCOUNT = {"kind": "service_account", "name": "ci", "namespace": "one-ci"}


def platform(tier: str = "governed", admission: dict[str, Any] | None = None, **trust: Any) -> Platform:
    changes = {
        "trust": {"tier": tier, "admission": admission or {}, **trust},
        "tenants.0.subjects": [GROUP, USER, ACCOUNT],
        "tenants.1": ...,
    }
    return platform_of("test", sound(changes), TODAY)


def test_without_sr2_kyverno_is_not_installed() -> None:
    blueprint = platform("trusted").blueprint

    assert not blueprint.admission.installed
    assert gpu_admission_part(blueprint).action is AdmissionAction.OFF
    assert "kyverno" not in {namespace.name for namespace in blueprint.namespaces}


def test_sr2_alone_can_be_switched_on_in_the_trusted_tier() -> None:
    found = platform("trusted", enable=["SR2"])

    assert found.posture.of(ControlId.SR2).state is ControlState.ADDED
    assert gpu_admission_part(found.blueprint).action is AdmissionAction.DENY
    assert "kyverno" in {namespace.name for namespace in found.blueprint.namespaces}


def with_chart(**sources: Any) -> AdmissionPart:
    changes = {"trust": {"tier": "governed"}, "tenants.0.subjects": [GROUP], "tenants.1": ..., "sources": sources}
    return platform_of("test", sound(changes), TODAY).blueprint.admission


@pytest.mark.parametrize(
    "sources",
    [
        {},
        {"mirror": "mirror.example/all"},
        {"charts": {"kyverno": {"kind": "repository", "url": "https://charts.example.com"}}},
    ],
)
def test_kyverno_runs_the_pinned_images_wherever_the_pinned_chart_comes_from(sources: dict[str, Any]) -> None:
    part = with_chart(**sources)

    assert part.image_registry == sources.get("mirror", KYVERNO_IMAGE.registry)
    assert part.image == ChartImagePart(KYVERNO_IMAGE.repository, KYVERNO_IMAGE.tag)
    assert part.first_image == ChartImagePart(KYVERNO_INIT_IMAGE.repository, KYVERNO_INIT_IMAGE.tag)


def test_a_chart_in_a_folder_runs_the_images_that_belong_to_its_own_version() -> None:
    part = with_chart(charts={"kyverno": {"kind": "folder", "path": ".charts/kyverno"}})

    assert (part.image, part.first_image) == (None, None)


def test_ns3_brings_its_policies_wherever_it_acts_and_they_refuse() -> None:
    """A tenant's role writes Services and Secrets, whether or not GPUs are behind queues."""
    found = platform("trusted", enable=["NS3"])
    part = gpu_admission_part(found.blueprint)

    assert "kyverno" in {namespace.name for namespace in found.blueprint.namespaces}
    assert (part.action, part.tenant_objects) == (AdmissionAction.OFF, AdmissionAction.DENY)
    assert {
        "ValidatingPolicy/bulkhead-ns3-account-tokens",
        "ValidatingPolicy/bulkhead-ns3-service-addresses",
    } <= set(found.posture.of(ControlId.NS3).objects)


def test_ns3_refuses_where_the_other_policies_only_audit() -> None:
    found = platform("partitioned", admission={"enforcement": "audit"})
    part = gpu_admission_part(found.blueprint)

    assert (part.action, part.tenant_objects) == (AdmissionAction.AUDIT, AdmissionAction.DENY)
    assert ControlId.NS3 in found.posture.in_force


def test_below_ns3_its_policies_do_what_those_on_queues_do() -> None:
    """Tenants who share a namespace write Services in it, too."""
    assert gpu_admission_part(platform("governed").blueprint).tenant_objects is AdmissionAction.DENY
    audited = platform("governed", admission={"enforcement": "audit"})
    assert gpu_admission_part(audited.blueprint).tenant_objects is AdmissionAction.AUDIT
    assert gpu_admission_part(platform("trusted").blueprint).tenant_objects is AdmissionAction.OFF


def test_in_the_shared_namespace_a_queue_belongs_to_the_tenants_subjects() -> None:
    (queue,) = gpu_admission_part(platform().blueprint).shared_queues

    assert (queue.name, queue.cluster_queue) == ("research", "tenant-research")
    assert queue.groups == ("one-team",)
    assert queue.users == ("anna@example.com", "system:serviceaccount:one-ci:ci")


def test_where_tenants_have_their_own_namespaces_the_part_names_none() -> None:
    assert gpu_admission_part(platform("partitioned").blueprint).shared_queues == ()


def test_system_namespaces_are_exempt_whatever_the_stack_file_lists() -> None:
    part = gpu_admission_part(platform(admission={"exempt_namespaces": ["dcgm"]}).blueprint)

    assert part.exempt_namespaces == ("dcgm", "gke-managed-system", "kube-system")


def test_controllers_under_other_names_come_beside_the_usual_ones() -> None:
    account = "system:serviceaccount:ray:operator"
    part = gpu_admission_part(platform(admission={"controllers": [account]}).blueprint)

    assert account in part.owner_controllers
    assert "system:serviceaccount:kube-system:job-controller" in part.owner_controllers


def test_an_audit_deploys_the_policies_and_claims_nothing() -> None:
    found = platform("governed", admission={"enforcement": "audit"})
    row = found.posture.of(ControlId.SR2)

    assert gpu_admission_part(found.blueprint).action is AdmissionAction.AUDIT
    assert row.state is ControlState.DORMANT
    assert row.objects == ()
    assert ControlId.SR2 not in found.posture.in_force
    assert [finding.path for finding in found.posture.warnings] == ["bulkhead:trust.admission.enforcement"]


def with_two_tenants(**trust: Any) -> Platform:
    changes = {"trust": {"tier": "governed", "admission": {"enforcement": "audit"}, **trust}}
    return platform_of("test", sound(changes), TODAY)


def test_an_audit_where_the_control_is_required_is_an_error_until_somebody_answers_for_it() -> None:
    waiver = {"control": "SR2", "owner": "ops", "reason": "we look first", "expires": "2027-01-31"}

    (error,) = [finding for finding in with_two_tenants().posture.errors if finding.control is ControlId.SR2]
    waived = with_two_tenants(waivers=[waiver]).posture

    assert error.path == "bulkhead:trust.admission.enforcement"
    assert "enforcement: deny" in error.message
    assert ControlId.SR2 not in {finding.control for finding in waived.errors}
    assert waived.of(ControlId.SR2).state is ControlState.WAIVED


@pytest.mark.parametrize("account", ["kuberay-operator", "system:serviceaccount:ray", "system:masters"])
def test_a_controller_is_named_as_a_service_account(account: str) -> None:
    fault = only_fault({"trust.admission": {"controllers": [account]}})

    assert fault.path == "bulkhead:trust.admission.controllers[0]"


# --- whose nodes are whose --------------------------------------------------------------------------------------

POOLS = [
    {"name": "cpu", "accelerator": "cpu", "nodes": {"min": 1, "max": 3}},
    {"name": "l4", "accelerator": "nvidia-l4", "nodes": {"max": 4}},
    {"name": "own", "accelerator": "nvidia-h100-80gb", "nodes": {"max": 2}, "dedicated_to": "research"},
]
GKE = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}


@pytest.mark.parametrize(
    "changes",
    [{"cluster": GKE, "pools": POOLS, "tenants.0.gpu_quota": {"own": 1}, "tenants.1.gpu_quota": 0}, {}],
    ids=["gke", "existing"],
)
def test_every_cluster_gets_three_admission_replicas_unless_its_stack_file_says_otherwise(
    changes: dict[str, Any],
) -> None:
    """Nothing else tells a cluster of one node from a production one."""
    trust = {"tier": "governed"}

    found = platform_of("test", sound({"trust": trust, **changes}), TODAY)
    smaller = platform_of("test", sound({"trust": {**trust, "admission": {"replicas": 1}}, **changes}), TODAY)

    assert ControlId.SR2 in found.posture.in_force
    assert found.blueprint.admission.replicas == 3
    assert smaller.blueprint.admission.replicas == 1


def placing(*controls: str, **changes: Any) -> PlacementAdmissionPart:
    trust = {"tier": "governed", "enable": list(controls)}
    quotas = {"tenants.0.gpu_quota": {"own": 1}, "tenants.1.gpu_quota": 0}
    found = platform_of("test", sound({"trust": trust, "cluster": GKE, "pools": POOLS, **quotas, **changes}), TODAY)
    return gpu_admission_part(found.blueprint).placement


def test_a_dedicated_pools_labels_are_its_owners_and_those_of_other_pools_are_everybodys() -> None:
    part = placing("HW3")

    assert part.action is AdmissionAction.DENY
    assert part.own_labels == {
        "research": (
            "bulkhead.dev/dedicated-to=research",
            "bulkhead.dev/pool=own-whole",
            "cloud.google.com/gke-nodepool=own-whole",
        )
    }
    assert part.open_labels == (
        "bulkhead.dev/pool=cpu",
        "bulkhead.dev/pool=l4-whole",
        "cloud.google.com/gke-nodepool=cpu",
        "cloud.google.com/gke-nodepool=l4-whole",
    )


def test_with_hw1_whole_gpus_that_only_engines_use_are_nobodys_to_select() -> None:
    part = placing("HW1", "HW3")

    assert "bulkhead.dev/pool=l4-whole" not in (*part.open_labels, *part.own_labels["research"])
    assert "bulkhead.dev/pool=cpu" in part.open_labels


def test_host_names_and_compute_classes_are_told_apart_on_every_cluster() -> None:
    assert {"kubernetes.io/hostname", "cloud.google.com/compute-class"} <= set(placing("HW3").label_keys)


def test_a_sandboxed_pool_brings_its_runtime_class_along() -> None:
    sandboxed = [*POOLS[:2], {**POOLS[2], "sandbox": "gvisor"}]
    listed = {"trust.admission": {"runtime_classes": ["kata"]}}

    assert placing("HW3").runtime_classes == ()
    assert placing("HW3", pools=sandboxed, **listed).runtime_classes == ("gvisor", "kata")


def test_hw2_and_hw3_can_be_switched_on_without_sr2() -> None:
    found = platform("trusted", enable=["HW2", "HW3"])
    part = gpu_admission_part(found.blueprint)

    assert (part.action, part.sharing, part.placement.action) == (
        AdmissionAction.OFF,
        AdmissionAction.DENY,
        AdmissionAction.DENY,
    )
    assert [namespace.name for namespace in found.blueprint.namespaces].count("kyverno") == 1


OWN_NODES = {"cluster": GKE, "pools": POOLS, "tenants.0.gpu_quota": {"own": 1}, "tenants.1.gpu_quota": 0}
NO_OWN_NODES = {**OWN_NODES, "pools": POOLS[:2], "tenants.0.gpu_quota": 0}
ALONE = {"cluster": GKE, "pools": POOLS, "tenants.0.gpu_quota": {"own": 1}, "tenants.1": ...}


def hw3_errors(facts: dict[str, Any], *controls: str, **others: object) -> list[Finding]:
    trust = {"tier": "trusted", "enable": list(controls), **others}
    posture = platform_of("test", sound({"trust": trust, **facts}), TODAY).posture
    return [finding for finding in posture.errors if finding.control is ControlId.HW3]


def test_hw3_without_sr2_is_refused_where_a_queue_that_anybody_may_name_opens_a_tenant_s_nodes() -> None:
    (error,) = hw3_errors(OWN_NODES, "HW2", "HW3")

    assert error.path == "bulkhead:trust.enable[1]"
    assert "tenants share the namespace bulkhead-workloads" in error.message
    assert "Whoever names the queue of research gets onto nodes that are its own" in error.message
    assert "SR2, which lets only the queue's tenant name it, is not in force." in error.message
    assert error.message.endswith("Write: SR2 under bulkhead:trust.enable, too, or remove HW3 there.")


def test_hw3_without_sr2_names_the_waiver_that_leaves_it_out() -> None:
    waiver = {"control": "SR2", "owner": "ops", "reason": "until May", "expires": "2027-05-01"}
    (error,) = hw3_errors(OWN_NODES, "HW3", waivers=[waiver])

    assert "SR2, which lets only the queue's tenant name it, is waived until 2027-05-01 by ops." in error.message
    assert "SR2 under bulkhead:trust.enable, in place of its waiver, or remove HW3 there." in error.message


@pytest.mark.parametrize("other", ["SR2", "NS1"])
def test_hw3_knows_the_tenant_where_sr2_looks_who_asks_and_in_namespaces_of_the_tenants_own(other: str) -> None:
    assert hw3_errors(OWN_NODES, "HW3", other) == []


@pytest.mark.parametrize("facts", [NO_OWN_NODES, ALONE], ids=["no nodes of anybody's own", "one tenant"])
def test_hw3_without_sr2_holds_where_nothing_follows_from_whose_a_workload_is(facts: dict[str, Any]) -> None:
    assert hw3_errors(facts, "HW3") == []


def test_an_audit_of_hw2_and_hw3_claims_neither() -> None:
    found = platform("trusted", admission={"enforcement": "audit"}, enable=["HW2", "HW3"])

    assert gpu_admission_part(found.blueprint).placement.action is AdmissionAction.AUDIT
    assert found.posture.in_force.isdisjoint({ControlId.HW2, ControlId.HW3})
