"""Traffic to the engines turns to mutual TLS, and back, without an engine that restarts or a request that is lost.

Three things together make that so: every engine has both ways in, at every tier; network policies open each way to the
replicas of the gateway that know it, at every tier; so nothing changes but the replicas, one by one, which wait for the
engines.
"""

from itertools import permutations
from typing import Any

import pytest

from infra.config.trust import Tier
from infra.diff.resources import resource_changes
from infra.plan.replacement import forcing_paths
from tests.plan.test_tier_changes import plan_at

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
KEYS = ("random:", "tls:")
PAIRS = [pair for pair in permutations(Tier, 2) if Tier.ADVERSARIAL in pair]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_no_engine_of_the_lab_s_stack_changes_and_the_gateway_does(before: Tier, after: Tier) -> None:
    changes = resource_changes(plan_at("local", before), plan_at("local", after), forcing_paths)
    deployments = {change.name for change in changes if change.type == DEPLOYMENT}

    assert "bulkhead-gateway/gateway" in deployments
    assert not {name for name in deployments if name.startswith("bulkhead-engines/")}


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_no_key_and_no_certificate_is_made_anew(before: Tier, after: Tier) -> None:
    changes = resource_changes(plan_at("local", before), plan_at("local", after), forcing_paths)

    assert not [change for change in changes if change.type.startswith(KEYS)]


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("stack", ["local", "prod"])
def test_the_gateway_s_replicas_wait_for_the_doors_of_all_engines(stack: str, tier: Tier) -> None:
    resources = plan_at(stack, tier).resources
    (gateway,) = (each for each in resources if each.type == DEPLOYMENT and each.name == "gateway-deployment")
    engines = [each for each in resources if each.type == DEPLOYMENT and each.name.startswith("engine-")]

    assert engines
    assert {engine.urn for engine in engines} <= set(gateway.options.dependencies)
    for engine in engines:
        inputs: Any = engine.inputs
        containers = inputs["spec"]["template"]["spec"]["initContainers"]
        assert [each["name"] for each in containers].count("door") == 1
