"""What the program makes itself breaks none of the rules that keep others from weakening it, in any tier."""

import pytest

from infra.config.loader import load_stack_file
from infra.config.trust import Tier
from infra.guard import GuardedResource, guard_of, violations
from infra.plan import PlannedResource
from infra.posture import platform_of
from tests.plan.stacks import STACKS, TODAY, committed_plan, stack_file
from tests.plan.test_tier_changes import TIERS, configuration_at, plan_at


def guarded(resource: PlannedResource) -> GuardedResource:
    return GuardedResource(resource.urn, resource.type, resource.name, resource.inputs, resource.options.protect)


@pytest.mark.parametrize("stack", STACKS)
def test_a_committed_stack_breaks_no_rule(stack: str) -> None:
    _, config = load_stack_file(stack_file(stack), TODAY)
    guard = guard_of(platform_of(stack, config, TODAY))

    assert violations(map(guarded, committed_plan(stack).resources), guard) == []


@pytest.mark.parametrize("tier", TIERS)
def test_no_tier_breaks_a_rule(tier: Tier) -> None:
    guard = guard_of(platform_of("prod", configuration_at("prod", tier), TODAY))

    assert violations(map(guarded, plan_at("prod", tier).resources), guard) == []
