"""A change of the tier never costs stored data, a generated secret, or nodes, whichever way it goes."""

import datetime
import functools
from itertools import permutations

import pytest
import yaml

from infra.config.stack import StackConfig
from infra.config.trust import Tier
from infra.controls.catalogue import CATALOGUE
from infra.diff.resources import holds_data, resource_changes
from infra.plan import Plan, plan
from infra.plan.replacement import NODE_POOL, forcing_paths
from infra.posture import platform_of
from tests.plan.stacks import EVERY_SECRET, TODAY, configuration, stack_file

STACKS = ("local", "prod")
NAMESPACE = "kubernetes:core/v1:Namespace"
ADDED_BY_A_TIER = {"kyverno"}
"""Namespaces that hold nothing but what a tier installs."""
TIERS = [
    tier for tier in Tier if all(entry.apply for entry in CATALOGUE if entry.control.enforced_from.rank <= tier.rank)
]


def configuration_at(stack: str, tier: Tier) -> StackConfig:
    document = yaml.safe_load(stack_file(stack).read_text(encoding="utf-8"))["config"]
    trust = document["bulkhead:trust"]
    for waiver in trust.get("waivers", ()):
        if isinstance(waiver["expires"], datetime.date):
            waiver["expires"] = waiver["expires"].isoformat()
    return configuration({**document, "bulkhead:trust": {**trust, "tier": str(tier)}})


@functools.cache
def plan_at(stack: str, tier: Tier) -> Plan:
    return plan(platform_of(stack, configuration_at(stack, tier), TODAY), EVERY_SECRET)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(("before", "after"), list(permutations(TIERS, 2)))
def test_nothing_that_holds_data_or_makes_nodes_goes(stack: str, before: Tier, after: Tier) -> None:
    changes = resource_changes(plan_at(stack, before), plan_at(stack, after), forcing_paths)

    lost = {
        change.name
        for change in changes
        if change.action.destroys and not change.kept and (holds_data(change.type) or change.type == NODE_POOL)
    }
    assert lost <= ADDED_BY_A_TIER
    assert changes
