"""Each rule of the policy pack: what passes, what fails, and what happens where nothing is said."""

from collections.abc import Mapping
from typing import Any

import pytest

from infra.config.trust import ControlId
from infra.guard import RESOURCE_RULES, STACK_RULES, Guard, GuardedResource, violations

PROJECT = "urn:pulumi:test::bulkhead::"
EVERYTHING = Guard(
    in_force=frozenset(ControlId),
    tenants=frozenset({("Group", "research@example.com", ""), ("ServiceAccount", "pipeline", "ci")}),
    policed_namespaces=frozenset({"bulkhead-engines"}),
    closed_namespaces=frozenset({"bulkhead-engines"}),
    cluster_protected=True,
)
DENY: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def resource(type_token: str, properties: Mapping[str, Any], *, by: str = "", protect: bool = False) -> GuardedResource:
    return GuardedResource(f"{PROJECT}{by}{type_token}::one", type_token, "one", properties, protect)


def service(**spec: Any) -> GuardedResource:
    return resource("kubernetes:core/v1:Service", {"metadata": {"name": "one"}, "spec": spec} if spec else {})


def binding(*subjects: Mapping[str, str], kind: str = "ClusterRoleBinding") -> GuardedResource:
    return resource(f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", {"subjects": list(subjects)} if subjects else {})


def policy(namespace: str, *, by: str = "", **spec: Any) -> GuardedResource:
    metadata = {"metadata": {"name": "one", "namespace": namespace}}
    return resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", {**metadata, "spec": spec}, by=by)


DEFAULT_DENY = policy("bulkhead-engines", by="bulkhead:network:NetworkPolicies$", **DENY)


def job(container: Mapping[str, Any], labels: Mapping[str, str] | None = None, **spec: Any) -> GuardedResource:
    pod = {"containers": [{"name": "main", "image": "example/image:1.0.0", **container}], **spec}
    metadata = {"name": "one", "labels": dict(labels or {})}
    return resource("kubernetes:batch/v1:Job", {"metadata": metadata, "spec": {"template": {"spec": pod}}})


def namespace(labels: Mapping[str, str] | None) -> GuardedResource:
    return resource(
        "kubernetes:core/v1:Namespace", {"metadata": {"name": "one", **({"labels": labels} if labels else {})}}
    )


def node_pool(*accelerators: Mapping[str, Any]) -> GuardedResource:
    return resource(
        "gcp:container/nodePool:NodePool",
        {"nodeConfig": {"guestAccelerators": list(accelerators)}} if accelerators else {},
    )


def database(*, protect: bool, **properties: Any) -> GuardedResource:
    return resource("gcp:sql/databaseInstance:DatabaseInstance", properties, protect=protect)


GPU = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
QUEUE = {"kueue.x-k8s.io/queue-name": "research"}
PASSING: dict[str, list[GuardedResource]] = {
    "no-open-service": [service(type="ClusterIP"), service()],
    "no-cluster-role-for-tenants": [
        binding({"kind": "Group", "name": "admins@example.com"}),
        binding({"kind": "Group", "name": "research@example.com"}, kind="RoleBinding"),
        binding({"kind": "ServiceAccount", "name": "pipeline", "namespace": "elsewhere"}),
        binding(),
    ],
    "no-network-policy-beside": [DEFAULT_DENY, policy("somewhere-else", podSelector={}), policy("")],
    "no-gpu-without-a-queue": [job(GPU, QUEUE), job({}), job({"resources": {"limits": {"nvidia.com/gpu": "0"}}})],
    "images-state-their-version": [job({"image": "example/image@sha256:0123"}), job({}), job({"image": ""})],
    "images-are-not-below-their-floors": [
        job({"image": "docker.io/vllm/vllm-openai:v0.33.0"}),
        job({"image": "mirror.example/vllm/vllm-openai:v99.0.0"}),
        job({"image": "mirror.example/berriai/litellm-database:v1.106.2"}),
        job({"image": "mirror.example/berriai/litellm-database:v1.107.1"}),
        job({"image": "example/vllm-openai-tools:v0.1.0"}),
    ],
    "namespaces-state-pod-security": [
        namespace({"pod-security.kubernetes.io/enforce": "restricted"}),
        namespace({"pod-security.kubernetes.io/enforce": "baseline"}),
    ],
    "no-sharing-of-gpus": [node_pool({"type": "nvidia-l4", "gpuPartitionSize": "1g.5gb"}), node_pool()],
    "data-is-protected": [
        database(protect=True, deletionProtection=True),
        database(protect=True),
        resource("gcp:container/cluster:Cluster", {}, protect=True),
        resource("gcp:redis/instance:Instance", {}),
    ],
}
FAILING: dict[str, list[GuardedResource]] = {
    "no-open-service": [
        service(type="LoadBalancer"),
        service(type="NodePort"),
        service(type="ClusterIP", externalIPs=["203.0.113.7"]),
    ],
    "no-cluster-role-for-tenants": [
        binding({"kind": "Group", "name": "research@example.com"}),
        binding({"kind": "User", "name": "ops"}, {"kind": "ServiceAccount", "name": "pipeline", "namespace": "ci"}),
    ],
    "no-network-policy-beside": [policy("bulkhead-engines", podSelector={}, ingress=[{}])],
    "no-gpu-without-a-queue": [
        job(GPU),
        job({"resources": {"requests": {"nvidia.com/mig-1g.10gb": 1}}}),
        job({}, initContainers=[{"name": "first", "image": "example/image:1.0.0", **GPU}]),
        job({}, resourceClaims=[{"name": "gpu"}]),
        job({"resources": {"claims": [{"name": "gpu"}]}}),
    ],
    "images-state-their-version": [
        job({"image": "example/image"}),
        job({"image": "example/image:latest"}),
        job({"image": "registry.example:5000/image"}),
        job({}, initContainers=[{"name": "first", "image": "example/image:latest"}]),
    ],
    "images-are-not-below-their-floors": [
        job({"image": "docker.io/vllm/vllm-openai:v0.9.0"}),
        job({"image": "mirror.example/vllm/vllm-openai:nightly"}),
        job({"image": "mirror.example/berriai/litellm-database:v1.106.1"}),
        job({"image": "mirror.example/berriai/litellm-database:v1.107.0-stable"}),
    ],
    "namespaces-state-pod-security": [
        namespace({"pod-security.kubernetes.io/enforce": "privileged"}),
        namespace({"pod-security.kubernetes.io/warn": "restricted"}),
        namespace(None),
    ],
    "no-sharing-of-gpus": [
        node_pool({"type": "nvidia-l4", "gpuSharingConfig": {"gpuSharingStrategy": "TIME_SHARING"}}),
        node_pool({"gpuPartitionSize": "1g.5gb", "gpuSharingConfig": {"gpuSharingStrategy": "MPS"}}),
    ],
    "data-is-protected": [
        database(protect=False),
        database(protect=True, deletionProtection=False),
        resource("gcp:container/cluster:Cluster", {}),
    ],
}


def broken(one: GuardedResource, guard: Guard = EVERYTHING) -> list[str]:
    return [violation.rule for violation in violations([one, DEFAULT_DENY], guard)]


@pytest.mark.parametrize(("rule", "one"), [(rule, one) for rule, passing in PASSING.items() for one in passing])
def test_what_is_as_it_should_be_or_says_nothing_of_it_passes(rule: str, one: GuardedResource) -> None:
    assert rule not in broken(one)


@pytest.mark.parametrize(("rule", "one"), [(rule, one) for rule, failing in FAILING.items() for one in failing])
def test_what_weakens_the_rule_fails_it_alone(rule: str, one: GuardedResource) -> None:
    assert set(broken(one)) == {rule}


@pytest.mark.parametrize("rule", RESOURCE_RULES, ids=lambda rule: rule.name)
def test_every_rule_has_its_cases_and_an_empty_resource_passes_or_is_missing_what_it_needs(rule: Any) -> None:
    assert PASSING[rule.name]
    assert FAILING[rule.name]
    assert not list(rule.check(resource("example:index:Thing", {}), EVERYTHING))


@pytest.mark.parametrize("rule", [rule for rule in RESOURCE_RULES if rule.control], ids=lambda rule: rule.name)
def test_a_rule_holds_while_its_control_is_in_force_and_not_before(rule: Any) -> None:
    asleep = Guard(
        in_force=frozenset(ControlId) - {rule.control},
        tenants=EVERYTHING.tenants,
    )

    assert rule.name not in broken(FAILING[rule.name][0], asleep)


def test_a_closed_namespace_without_its_default_deny_is_missing_it() -> None:
    (rule,) = STACK_RULES

    assert [violation.rule for violation in violations([], EVERYTHING)] == [rule.name]
    assert violations([DEFAULT_DENY], EVERYTHING) == []
    assert violations([], Guard()) == []


WEAKENED: list[dict[str, Any]] = [
    {**DENY, "policyTypes": ["Ingress"]},
    {**DENY, "podSelector": {"matchLabels": {"app": "web"}}},
    {**DENY, "ingress": [{}]},
    {**DENY, "egress": [{"to": []}]},
    {},
]


@pytest.mark.parametrize("weakened", WEAKENED)
def test_a_default_deny_that_lets_something_pass_is_none(weakened: dict[str, Any]) -> None:
    weak = policy("bulkhead-engines", by="bulkhead:network:NetworkPolicies$", **weakened)

    assert [violation.urn for violation in violations([weak], EVERYTHING)] == [""]


def test_a_cluster_that_the_stack_file_lets_go_needs_no_protection() -> None:
    assert not broken(resource("gcp:container/cluster:Cluster", {}), Guard(cluster_protected=False))


def test_a_violation_names_the_resource_and_says_what_to_write() -> None:
    (violation,) = violations([service(type="NodePort")], Guard())

    assert violation.urn.endswith("::one")
    assert "Write: " in violation.message
