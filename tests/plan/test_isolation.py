"""What the plan of a governed or partitioned stack says about policies, namespaces and the order of things."""

import functools
from typing import Any

from benchmarks.documents import document_with_tenants
from infra.plan import Plan, PlannedResource
from tests.plan.stacks import configuration, plan_of
from tests.plan.test_options import everything_before, in_cluster, name_of, namespace_of

WORKLOADS = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:batch/v1:Job")
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
PROVIDER = "pulumi:providers:kubernetes"
BESIDE_THEIR_PODS = {"gateway-network-policy"}
"""Policies that a component makes for its own pods, in every tier."""

COMMON_LISTS = {"gpu-admission", "tenants-deployment", "tenants-keys", "tenants-records"}
"""What holds every tenant by its nature: the accounts' list and its keys, and whoever reads them."""


@functools.cache
def planned(tenants: int, tier: str, last_left_out: bool = False) -> Plan:
    document: dict[str, Any] = {**document_with_tenants(tenants), "bulkhead:trust": {"tier": tier}}
    if last_left_out:
        document["bulkhead:tenants"] = document["bulkhead:tenants"][:-1]
    return plan_of(configuration(document))


def test_pods_are_made_after_the_policies_that_select_them() -> None:
    plan = planned(2, "governed")
    policies = [one for one in plan.of_type(POLICY) if one.name not in BESIDE_THEIR_PODS]
    workloads = [resource for type_ in WORKLOADS for resource in plan.of_type(type_)]

    assert policies
    assert workloads
    for workload in workloads:
        before = everything_before(plan, workload)
        assert {one.urn for one in policies if namespace_of(one) == namespace_of(workload)} <= before, workload.urn


def test_everything_in_a_tenants_namespace_is_made_after_it() -> None:
    plan = planned(2, "partitioned")
    namespaces = {name_of(one): one.urn for one in plan.of_type("kubernetes:core/v1:Namespace")}

    for resource in in_cluster(plan):
        if namespace_of(resource) in namespaces:
            assert namespaces[namespace_of(resource)] in everything_before(plan, resource), resource.urn


def test_only_tenants_namespaces_are_made_by_the_provider_that_takes_up_what_exists() -> None:
    plan = planned(2, "partitioned")
    adopting = [one for one in plan.of_type(PROVIDER) if one.inputs.get("upsertExistingObjects")]

    assert [one.name for one in adopting] == ["kubernetes-tenants"]
    taken = [one for one in in_cluster(plan) if one.options.provider == adopting[0].urn]
    assert taken
    assert {namespace_of(one) or name_of(one) for one in taken} == {
        "bulkhead-tenant-tenant-0000",
        "bulkhead-tenant-tenant-0001",
    }


def test_another_tenant_touches_only_its_own_objects() -> None:
    """The two hundredth as well as the twentieth: what each resource holds and waits for is its own tenant's."""
    before, after = planned(20, "partitioned", last_left_out=True), planned(20, "partitioned")
    known = {resource.urn: resource for resource in before.resources}
    added = [resource for resource in after.resources if resource.urn not in known]
    changed = [one for one in after.resources if one.urn in known and differs(one, known[one.urn])]

    assert added
    assert {one.name for one in added if "0019" not in f"{one.name}{one.inputs}"} == set()
    assert {one.name for one in changed} == COMMON_LISTS


def differs(one: PlannedResource, other: PlannedResource) -> bool:
    return one.inputs != other.inputs or one.options != other.options


def test_a_tier_adds_and_changes_resources_and_makes_none_anew_under_another_name() -> None:
    """Raising the tier replaces nothing but the tenants' queues, which move into the tenants' namespaces."""
    trusted, governed, partitioned = (
        {r.urn for r in planned(2, tier).resources} for tier in ("trusted", "governed", "partitioned")
    )

    assert trusted <= governed
    gone = {urn.rpartition("::")[2] for urn in governed - partitioned}
    assert all(
        name.startswith(("queues-local-queue-bulkhead-workloads/", "network-policies-bulkhead-workloads/"))
        for name in gone
    )
