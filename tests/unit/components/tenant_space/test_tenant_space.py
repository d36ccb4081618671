"""A tenant's namespace as resources: what stays when the tenant leaves, and who is bound to what."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.tenant_space import SharedAccess, SharedAccessArgs, TenantSpace, TenantSpaceArgs
from infra.blueprint.model import TenantSpacePart
from infra.plan import Plan, PlannedResource, record
from tests.unit.blueprint.isolated import blueprint_with

NAMESPACE = "bulkhead-tenant-research"
KEPT = {"Namespace", "ResourceQuota", "ServiceAccount", "NetworkPolicy"}


def part(tenant: str = "research", **changes: Any) -> TenantSpacePart:
    blueprint = blueprint_with("partitioned", changes=changes.get("changes"))
    (found,) = (space for space in blueprint.tenant_spaces if space.tenant == tenant)
    return found


def plan_of(space: TenantSpacePart) -> Plan:
    return record("test", lambda: TenantSpace("tenant-space-research", TenantSpaceArgs(space)) and None)


def kind(resource: PlannedResource) -> str:
    return resource.type.rpartition(":")[2]


def one(plan: Plan, wanted: str) -> PlannedResource:
    (found,) = (resource for resource in plan.resources if kind(resource) == wanted)
    return found


def metadata(resource: PlannedResource) -> Mapping[str, Any]:
    found = resource.inputs["metadata"]
    assert isinstance(found, Mapping)
    return found


def test_the_namespace_enforces_warns_and_audits_restricted_at_a_pinned_version() -> None:
    labels = metadata(one(plan_of(part()), "Namespace"))["labels"]

    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "warn", "audit")} == {"restricted"}
    versions = {labels[f"pod-security.kubernetes.io/{mode}-version"] for mode in ("enforce", "warn", "audit")}
    assert len(versions) == 1
    assert "latest" not in versions
    assert labels["bulkhead.dev/tenant"] == "research"
    assert labels["bulkhead.dev/kueue"] == "managed"


def test_everything_in_it_waits_for_it_and_says_whose_it_is() -> None:
    plan = plan_of(part())
    namespace = one(plan, "Namespace")

    for resource in plan.resources:
        if resource.type.startswith("kubernetes:") and resource is not namespace:
            assert metadata(resource)["namespace"] == NAMESPACE
            assert metadata(resource)["labels"]["bulkhead.dev/tenant"] == "research"
            assert metadata(resource)["labels"]["bulkhead.dev/control"] in {"NS2", "NS3", "NS4"}
            assert kind(resource) == "RoleBinding" or namespace.urn in resource.options.dependencies


def test_what_keeps_the_data_and_keeps_it_closed_stays_when_the_tenant_leaves() -> None:
    plan = plan_of(part())
    kept = [resource for resource in plan.resources if resource.options.retain_on_delete]

    assert {kind(resource) for resource in kept} == KEPT
    assert [metadata(one)["name"] for one in kept if kind(one) == "NetworkPolicy"] == ["default-deny"]


def test_what_stays_can_be_taken_up_again() -> None:
    for resource in plan_of(part()).resources:
        if resource.options.retain_on_delete:
            assert metadata(resource)["annotations"]["pulumi.com/patchForce"] == "true"


def test_nothing_stays_where_the_record_says_delete() -> None:
    plan = plan_of(part(changes={"tenants.0.workloads": {"when_removed": "delete"}}))

    assert [resource.urn for resource in plan.resources if resource.options.retain_on_delete] == []


def test_the_default_account_gets_no_token() -> None:
    account = one(plan_of(part()), "ServiceAccount")

    assert metadata(account)["name"] == "default"
    assert account.inputs["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("tenant", "subject"),
    [
        ("research", {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "research@example.com"}),
        ("search", {"kind": "ServiceAccount", "name": "pipeline", "namespace": "search-ci"}),
    ],
)
def test_subjects_are_bound_to_the_role_of_their_own_namespace(tenant: str, subject: dict[str, str]) -> None:
    binding = one(plan_of(part(tenant)), "RoleBinding")

    assert binding.inputs["subjects"] == [subject]
    assert binding.inputs["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"}


def test_nobody_has_rights_before_what_bounds_them() -> None:
    """A pod that a tenant starts before its default-deny and quota would be neither closed in nor counted."""
    plan = plan_of(part())
    binding = one(plan, "RoleBinding")
    bounds = [
        resource
        for resource in plan.resources
        if kind(resource) in {"LimitRange", "NetworkPolicy", "ResourceQuota", "Role", "ServiceAccount"}
    ]

    assert len(bounds) == 6
    assert {resource.urn for resource in bounds} <= set(binding.options.dependencies)


def test_a_tenant_without_subjects_has_a_role_that_nobody_is_bound_to() -> None:
    plan = plan_of(part(changes={"tenants.0.subjects": []}))

    assert one(plan, "Role")
    assert [resource for resource in plan.resources if kind(resource) == "RoleBinding"] == []


def test_in_the_shared_namespace_each_tenant_has_a_binding_of_its_own() -> None:
    shared = blueprint_with("governed").shared_access
    assert shared is not None
    plan = record("test", lambda: SharedAccess("shared-access", SharedAccessArgs(shared)) and None)
    bindings = [resource for resource in plan.resources if kind(resource) == "RoleBinding"]

    assert [metadata(one)["name"] for one in bindings] == ["tenant-research", "tenant-search"]
    assert metadata(one(plan, "Role"))["namespace"] == "bulkhead-workloads"
