"""What makes one update enough for a change of the tier, held against every pair of tiers and two stacks."""

import functools
from itertools import permutations
from typing import Any

import pytest

from infra.config.trust import Tier
from infra.diff.resources import Action, ResourceChange, holds_data, resource_changes
from infra.plan import Plan, plan
from infra.plan.replacement import NODE_POOL, forcing_paths
from tests.plan.stacks import EVERY_SECRET, document_of
from tests.plan.ways import edited, platform_at, with_tier

STACKS = ("local", "prod")
PAIRS = list(permutations(Tier, 2))
WORKLOADS = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet")


@functools.cache
def plan_at(stack: str, tier: Tier) -> Plan:
    return plan(platform_at(stack, with_tier(stack, tier)), EVERY_SECRET)


@functools.cache
def changes(stack: str, before: Tier, after: Tier) -> tuple[ResourceChange, ...]:
    return resource_changes(plan_at(stack, before), plan_at(stack, after), forcing_paths)


def named(made: Plan, name: str) -> Any:
    return next(resource for resource in made.resources if resource.urn.endswith(f"::{name}"))


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_no_workload_is_deleted_with_its_successor_only_to_come(stack: str, before: Tier, after: Tier) -> None:
    replaced = [one for one in changes(stack, before, after) if one.action is Action.REPLACE]

    assert [one.name for one in replaced if one.type in WORKLOADS] == []
    assert [one.name for one in replaced if holds_data(one.type) or one.type == NODE_POOL] == []


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_no_generated_secret_is_made_anew_or_dropped(stack: str, before: Tier, after: Tier) -> None:
    touched = [one for one in changes(stack, before, after) if one.type.startswith("random:")]

    assert [one.name for one in touched if one.action is not Action.CREATE] == []


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("tier", list(Tier))
def test_replicas_wait_for_their_engines_and_take_over_before_the_former_ones_go(stack: str, tier: Tier) -> None:
    gateway = named(plan_at(stack, tier), "gateway-deployment")
    engines = {one.urn for one in plan_at(stack, tier).resources if one.type == WORKLOADS[0] and "::engine-" in one.urn}

    assert engines
    assert engines <= set(gateway.options.dependencies)
    assert gateway.inputs["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("tier", [tier for tier in Tier if tier.rank >= Tier.GOVERNED.rank])
def test_network_policies_are_there_before_what_they_are_for(stack: str, tier: Tier) -> None:
    made = plan_at(stack, tier)
    policies = {one.urn for one in made.resources if "network-policies-" in one.urn and one.custom}
    waiting = [
        one for one in made.resources if one.urn.endswith("::gateway") or ("::engine-" in one.urn and not one.custom)
    ]

    assert policies
    assert waiting
    for component in waiting:
        assert policies <= set(component.options.dependencies), component.urn


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("tier", [tier for tier in Tier if tier.rank >= Tier.GOVERNED.rank])
def test_a_namespace_is_closed_after_what_is_open_in_it_and_opened_before_that_goes(stack: str, tier: Tier) -> None:
    policies = [one for one in plan_at(stack, tier).resources if "NetworkPolicies$" in one.urn]
    closing = [one for one in policies if one.urn.endswith("/default-deny")]

    assert closing
    for one in closing:
        component = one.options.parent
        others = {other.urn for other in policies if other.options.parent == component} - {each.urn for each in closing}
        assert others <= set(one.options.dependencies)


def test_replicas_wait_for_what_picks_among_engines_and_for_what_carries_their_requests() -> None:
    document = edited(document_of("local"), "models", 0, routing={"kind": "endpoint_picker"})
    made = plan(platform_at("local", document), EVERY_SECRET)
    pickers = {one.urn for one in made.resources if "EndpointPicker$" in one.urn and one.type == WORKLOADS[0]}

    carriers = {
        one.urn for one in made.resources if "EndpointPicker$" in one.urn and one.urn.endswith("-plane-service")
    }

    assert pickers
    assert carriers
    assert pickers | carriers <= set(named(made, "gateway").options.dependencies)
