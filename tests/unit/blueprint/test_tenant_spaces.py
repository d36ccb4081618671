"""NS1 to NS4 as data: each tenant's namespace from its own record, whichever of the controls is in force."""

import dataclasses
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.blueprint import names
from infra.blueprint.access import AccessRulePart
from infra.blueprint.model import Blueprint, PodSecurity, TenantSpacePart
from infra.blueprint.network import PodsPeer
from infra.blueprint.tenant_spaces import ACCESS_RULES
from infra.config.stack import StackConfig
from infra.config.trust import Tier
from infra.posture import platform_of
from tests.strategies import TODAY, configurations
from tests.unit.blueprint.isolated import blueprint_with

CONTROLS = ("NS1", "NS2", "NS3", "NS4")
RESEARCH = "bulkhead-tenant-research"
READING = {"get", "list", "watch"}
NEVER = {
    "clusterroles", "clusterrolebindings", "roles", "rolebindings", "networkpolicies", "namespaces", "nodes",
    "persistentvolumes", "podtemplates", "daemonsets", "ingresses", "poddisruptionbudgets", "pods/ephemeralcontainers",
    "pods/eviction", "serviceaccounts/token", "clusterqueues", "resourceflavors", "policies",
}  # fmt: skip
READ_ONLY = {
    "endpoints", "endpointslices", "events", "limitranges", "localqueues", "resourcequotas", "serviceaccounts",
    "workloads",
}  # fmt: skip


def space(blueprint: Blueprint, tenant: str = "research") -> TenantSpacePart:
    (found,) = (one for one in blueprint.tenant_spaces if one.tenant == tenant)
    return found


@pytest.mark.parametrize("enabled", [chosen for size in (1, 2, 3, 4) for chosen in combinations(CONTROLS, size)])
def test_each_control_brings_its_own_and_any_of_them_the_namespace(enabled: tuple[str, ...]) -> None:
    found = space(blueprint_with("trusted", *enabled))

    assert found.namespace.name == RESEARCH
    assert (found.namespace.pod_security is PodSecurity.RESTRICTED) == ("NS1" in enabled)
    assert (found.limits is not None) == ("NS2" in enabled)
    assert (found.access is not None) == ("NS3" in enabled)
    assert bool(found.network_policies) == ("NS4" in enabled)


def test_below_the_tier_there_is_no_namespace_of_a_tenants_own() -> None:
    blueprint = blueprint_with("governed")

    assert blueprint.tenant_spaces == ()
    assert {tenant.namespace for tenant in blueprint.tenants} == {None}


@settings(max_examples=20)
@given(configurations(tiers=st.just(Tier.PARTITIONED)))
def test_every_tenant_has_one_namespace_and_its_queue_in_it(config: StackConfig) -> None:
    blueprint = platform_of("test", config, TODAY).blueprint

    for tenant in blueprint.tenants:
        namespace = names.tenant_namespace(tenant.name)
        assert tenant.namespace == space(blueprint, tenant.name).namespace.name == namespace
        assert [one.namespace for one in blueprint.quota.local_queues if one.tenant == tenant.name] == [namespace]
        assert len(namespace) <= 63


@settings(max_examples=20)
@given(configurations(tiers=st.just(Tier.PARTITIONED)))
def test_the_quota_on_each_gpu_name_is_what_the_queue_guarantees(config: StackConfig) -> None:
    blueprint = platform_of("test", config, TODAY).blueprint

    for queue in blueprint.quota.cluster_queues:
        if queue.tenant is None:
            continue
        limits = space(blueprint, queue.tenant).limits
        assert limits is not None
        for group in queue.groups:
            assert limits.hard[f"requests.{group.resource}"] == str(sum(flavor.nominal for flavor in group.flavors))
            assert {flavor.borrowing_limit for flavor in group.flavors} == {0}


def test_tenants_borrow_in_governed_and_not_beyond_it() -> None:
    def limits(tier: str) -> set[int | None]:
        queues = blueprint_with(tier).quota.cluster_queues
        return {
            flavor.borrowing_limit for one in queues if one.tenant for group in one.groups for flavor in group.flavors
        }

    assert limits("governed") == {None}
    assert limits("partitioned") == {0}


def test_a_tenant_without_quota_on_a_gpu_may_not_ask_for_one() -> None:
    limits = space(blueprint_with("partitioned"), "search").limits

    assert limits is not None
    assert limits.hard["requests.nvidia.com/gpu"] == "0"


def test_sizes_are_the_records_own_and_no_service_leaves_the_cluster() -> None:
    limits = space(blueprint_with("partitioned", changes={"tenants.0.workloads": {"cpu": "8", "pods": 10}})).limits

    assert limits is not None
    assert (limits.hard["requests.cpu"], limits.hard["pods"]) == ("8", "10")
    assert (limits.hard["services.nodeports"], limits.hard["services.loadbalancers"]) == ("0", "0")


COUNTED_BY_NAME = {"persistentvolumeclaims", "pods", "services"}
"""Kinds whose number Kubernetes has a name of its own for (its documentation on object count quotas)."""


def creatable() -> set[str]:
    """What the role may create, as `resource.group` or, in the core group, `resource`; parts of objects left out."""
    return {
        f"{resource}.{group}".rstrip(".")
        for rule in ACCESS_RULES
        for group in rule.api_groups
        for resource in rule.resources
        if "create" in rule.verbs and "/" not in resource
    }


def test_the_number_of_each_kind_that_the_role_may_create_is_bounded() -> None:
    limits = space(blueprint_with("partitioned")).limits
    assert limits is not None

    names_of_counts = {kind if kind in COUNTED_BY_NAME else f"count/{kind}" for kind in creatable()}

    assert creatable() >= COUNTED_BY_NAME | {"jobs.batch", "jobsets.jobset.x-k8s.io", "rayclusters.ray.io"}
    assert names_of_counts <= set(limits.hard)


@pytest.mark.parametrize("rule", ACCESS_RULES, ids=lambda rule: "/".join((*rule.api_groups, *rule.resources)))
def test_the_role_names_every_verb_and_writes_nothing_that_binds_it(rule: AccessRulePart) -> None:
    assert "*" not in {*rule.verbs, *rule.resources, *rule.api_groups}
    assert not NEVER & set(rule.resources)
    assert not {"bind", "escalate", "impersonate"} & set(rule.verbs)
    if READ_ONLY & set(rule.resources):
        assert set(rule.verbs) <= READING


def test_no_rule_touches_the_groups_of_policies_and_roles() -> None:
    groups = {group for rule in ACCESS_RULES for group in rule.api_groups}

    assert not groups & {
        "admissionregistration.k8s.io",
        "kyverno.io",
        "networking.k8s.io",
        "policies.kyverno.io",
        "rbac.authorization.k8s.io",
    }


def test_subjects_share_one_namespace_until_each_tenant_has_its_own() -> None:
    shared = blueprint_with("governed").shared_access

    assert shared is not None
    assert [tenant for tenant, _ in shared.subjects] == ["research", "search"]
    assert shared.namespace == names.WORKLOADS_NAMESPACE
    assert blueprint_with("partitioned").shared_access is None


def test_a_tenants_pods_reach_dns_the_gateway_and_each_other() -> None:
    policies = {policy.name: policy for policy in space(blueprint_with("partitioned")).network_policies}
    closed, opened = policies["default-deny"], policies["tenant"]
    peers = {
        peer.namespace: sorted(port.number for port in rule.ports)
        for rule in opened.egress or ()
        for peer in rule.peers or ()
        if isinstance(peer, PodsPeer)
    }

    assert (closed.ingress, closed.egress, closed.pods, opened.pods) == ((), (), {}, {})
    assert peers == {"kube-system": [53, 53], RESEARCH: [], names.GATEWAY_NAMESPACE: [names.GATEWAY_PORT]}
    (own,) = list(opened.ingress or ())
    assert own.peers == (PodsPeer(RESEARCH, {}),)


def test_what_still_runs_in_the_shared_namespace_meets_nobody() -> None:
    found = [
        one for one in blueprint_with("partitioned").network_policies if one.namespace == names.WORKLOADS_NAMESPACE
    ]

    assert [(one.name, one.control, one.ingress, one.egress) for one in found] == [("default-deny", "NS4", (), ())]


def test_data_is_kept_unless_the_record_says_otherwise() -> None:
    changes = {"tenants.1.workloads": {"when_removed": "delete"}}
    blueprint = blueprint_with("partitioned", changes=changes)

    assert (space(blueprint).keep_data, space(blueprint, "search").keep_data) == (True, False)


def test_another_tenant_changes_nothing_of_the_others() -> None:
    one = blueprint_with("partitioned", changes={"tenants.1": ...})
    two = blueprint_with("partitioned")

    assert dataclasses.asdict(space(one)) == dataclasses.asdict(space(two))
