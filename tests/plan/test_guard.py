"""What the program makes itself breaks none of the rules that keep others from weakening it, in any tier."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from infra.config.stack import StackConfig
from infra.config.trust import Tier
from infra.guard import GuardedResource, Violation, violations, violations_of_each
from infra.guard.guarded import guard_of
from infra.plan import Plan, PlannedResource, plan
from infra.posture import Platform, platform_of
from tests.plan.stacks import EVERY_SECRET, STACKS, TODAY, configuration, document_of
from tests.plan.test_generated_configurations import EXAMPLES, planned
from tests.plan.test_tier_changes import configuration_at, plan_at
from tests.plan.ways import edited
from tests.strategies import Document, configurations
from tests.unit.guard.stack import stack_document

PICKED = {"kind": "endpoint_picker", "network_encrypts": True}
SHARED_GPUS = "no-sharing-of-gpus"
"""The one rule over resources that a stack file itself can ask to break; its posture is an error then."""
SOUND = "posture-is-sound"


def guarded(resource: PlannedResource) -> GuardedResource:
    return GuardedResource(resource.urn, resource.type, resource.name, resource.inputs, resource.options.protect)


def broken(made: Plan, platform: Platform) -> list[Violation]:
    """What the rules object to in resources, whether or not the posture is sound in the tier."""
    found = violations(map(guarded, made.resources), guard_of(platform))
    assert any(one.rule == SOUND for one in found) == (not platform.posture.sound)
    return [one for one in found if one.rule != SOUND]


def at(document: Document, tier: Tier) -> tuple[Plan, Platform]:
    """The plan of a document in a tier, and the platform that it is judged by."""
    trust = {**document["bulkhead:trust"], "tier": str(tier)}
    platform = platform_of("test", configuration({**document, "bulkhead:trust": trust}), TODAY)
    return plan(platform, EVERY_SECRET), platform


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("stack", STACKS)
def test_no_committed_stack_breaks_a_rule_in_any_tier(stack: str, tier: Tier) -> None:
    platform = platform_of(stack, configuration_at(stack, tier), TODAY)

    assert broken(plan_at(stack, tier), platform) == []


@pytest.mark.parametrize("tier", [Tier.PARTITIONED, Tier.ADVERSARIAL])
def test_no_rule_is_broken_where_everything_is_in_use(tier: Tier) -> None:
    """Subjects, a dedicated pool, a route, Prometheus, and each way to keep caches apart."""
    assert broken(*at(stack_document(), tier)) == []


def opened(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "ingress": [{}], "policyTypes": ["Ingress"]}


def bound_to_everything(reference: Mapping[str, Any]) -> dict[str, Any]:
    return {**reference, "kind": "ClusterRole", "name": "cluster-admin"}


def agreeing(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "validations": [{"expression": "true"}]}


def unlabelled(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {**metadata, "labels": {key: metadata["labels"][key] for key in metadata["labels"] if "bulkhead" not in key}}


def open_to_every_namespace(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "namespaceSelector": {}}


def without_limits(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "limits": []}


def emptied(data: Mapping[str, str]) -> dict[str, str]:
    return dict.fromkeys(data, "")


WEAKENED: list[tuple[str, str, Callable[[Any], Any], set[str]]] = [
    (
        "gateway-configuration",
        "data",
        emptied,
        {
            "gateway-fails-closed",
            "gateway-keeps-no-answers",
            "gateway-prices-what-tenants-call",
            "gateway-salts-requests",
            "gateway-wants-keys",
        },
    ),
    ("gateway-network-policy", "spec", opened, {"network-policies-are-the-platforms"}),
    ("network-policies-bulkhead-engines/default-deny", "spec", opened, {"network-policies-are-the-platforms"}),
    ("tenant-space-research-binding", "roleRef", bound_to_everything, {"tenants-role-is-the-platforms"}),
    ("gpu-admission-bulkhead-gpu-pods", "spec", agreeing, {"policies-stay-as-they-are"}),
    ("tenant-space-research-namespace", "metadata", unlabelled, {"namespaces-are-the-platforms"}),
    ("queues-cluster-queue-tenant-research", "spec", open_to_every_namespace, {"cluster-queues-are-the-stack-files"}),
    ("tenant-space-research-limits", "spec", without_limits, {"limits-are-the-stack-files"}),
]
"""What a transformation may do: to which resource and input, how, and which rules see it."""


@functools.cache
def with_everything() -> tuple[Plan, Platform]:
    return at(stack_document(), Tier.ADVERSARIAL)


@pytest.mark.parametrize(("name", "key", "change", "rules"), WEAKENED)
def test_a_transformation_of_what_the_program_makes_is_seen(
    name: str, key: str, change: Callable[[Any], Any], rules: set[str]
) -> None:
    made, platform = with_everything()
    own = made.named(name)
    weakened = replace(own, inputs={**own.inputs, key: change(own.inputs[key])})

    found = violations_of_each([guarded(weakened)], guard_of(platform))

    assert {violation.rule for violation in found} == rules


KEPT = (
    "database-password",
    "database-stateful-set",
    "gateway-master-key",
    "gateway-salt-key",
    "namespaces-bulkhead-gateway",
)
"""What may not go where the database in the cluster is protected, as Pulumi calls it."""


def with_database(*, protected: bool) -> tuple[Plan, Platform]:
    document = document_of("local")
    database = {**document["bulkhead:gateway"]["database"], "deletion_protection": protected}
    gateway = {**document["bulkhead:gateway"], "database": database}
    return at({**document, "bulkhead:gateway": gateway}, Tier.GOVERNED)


def test_a_database_in_the_cluster_breaks_no_rule_protected_or_not() -> None:
    assert broken(*with_database(protected=True)) == []
    assert broken(*with_database(protected=False)) == []


@pytest.mark.parametrize("name", KEPT)
def test_whatever_a_protected_database_needs_has_to_be_protected_too(name: str) -> None:
    made, platform = with_database(protected=True)
    laid_open = replace(guarded(made.named(name)), protect=False)

    (violation,) = violations_of_each([laid_open], guard_of(platform))

    assert violation.rule == "data-is-protected"


@pytest.mark.parametrize("tier", Tier)
def test_no_rule_is_broken_by_an_endpoint_picker(tier: Tier) -> None:
    document = edited(document_of("local"), "models", 0, routing=PICKED)

    assert broken(*at(document, tier)) == []


@pytest.mark.parametrize("tier", Tier)
def test_no_rule_is_broken_while_keys_are_drawn_anew(tier: Tier) -> None:
    document = edited(document_of("local"), "tenants", 0, key_generation=2)

    assert broken(*at(document, tier)) == []


@settings(max_examples=EXAMPLES // 2)
@given(configurations())
def test_no_sound_configuration_breaks_a_rule(config: StackConfig) -> None:
    platform = platform_of("generated", config, TODAY)

    rules = {violation.rule for violation in broken(planned(config), platform)}
    assert rules <= (frozenset() if platform.posture.sound else {SHARED_GPUS}), platform.posture.errors
