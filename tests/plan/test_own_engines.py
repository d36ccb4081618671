"""A sensitive tenant that calls a common model: where its own engines run, by the plan, the queues and the rules."""

import functools
from typing import Any

from infra.blueprint import names
from infra.config.trust import Tier
from infra.plan import Plan, PlannedResource
from infra.posture import Platform
from tests.plan.test_guard import at, broken
from tests.unit.guard.stack import stack_document

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CLUSTER_QUEUE = "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue"
NODE_POOL = "gcp:container/nodePool:NodePool"
POOL_LABEL = "bulkhead.dev/pool"
DEDICATED = {"effect": "NoSchedule", "key": "bulkhead.dev/dedicated-to", "operator": "Equal", "value": "support"}


@functools.cache
def planned(tier: Tier = Tier.ADVERSARIAL) -> tuple[Plan, Platform]:
    """The production stack, in which `support` is sensitive and the pool `vault` is its own, with room for engines."""
    document = stack_document()
    tenants = [{**each, "sensitive": each["name"] == "support"} for each in document["bulkhead:tenants"]]
    pools = [{**each, "nodes": {"max": 4}} if each["name"] == "vault" else each for each in document["bulkhead:pools"]]
    return at({**document, "bulkhead:tenants": tenants, "bulkhead:pools": pools}, tier)


def inputs(resource: PlannedResource) -> Any:
    return resource.inputs


def pods_of(tenant: str | None) -> dict[str, Any]:
    """What the pods of a tenant's own engines of llama-8b ask for, or of those that the others share."""
    plan, platform = planned()
    (engine,) = [each for each in platform.blueprint.engines if each.model == "llama-8b" and each.tenant == tenant]
    (found,) = [one for one in plan.of_type(DEPLOYMENT) if inputs(one)["metadata"]["name"] == engine.service_name]
    return inputs(found)["spec"]["template"]["spec"]


def nominal_of(queue: str) -> dict[str, int]:
    plan, _ = planned()
    (found,) = [one for one in plan.of_type(CLUSTER_QUEUE) if inputs(one)["metadata"]["name"] == queue]
    return {
        flavor["name"]: int(resource["nominalQuota"])
        for group in inputs(found)["spec"]["resourceGroups"]
        for flavor in group["flavors"]
        for resource in flavor["resources"]
    }


def disks(tier: Tier) -> dict[str, int]:
    return {inputs(one)["name"]: inputs(one)["nodeConfig"]["diskSizeGb"] for one in planned(tier)[0].of_type(NODE_POOL)}


def test_its_own_engines_select_and_tolerate_its_nodes_and_the_others_do_not() -> None:
    assert pods_of("support")["nodeSelector"][POOL_LABEL] == "vault-whole"
    assert DEDICATED in pods_of("support")["tolerations"]
    assert pods_of(None)["nodeSelector"][POOL_LABEL] == "l4-whole-x2"
    assert DEDICATED not in pods_of(None)["tolerations"]


def test_the_queues_count_them_where_they_run() -> None:
    serving = nominal_of(names.SERVING_QUEUE)

    assert serving["vault-whole"] == 2
    assert nominal_of("tenant-support") == {"vault-whole": 1}


def test_the_posture_is_sound_and_no_rule_is_broken() -> None:
    plan, platform = planned()

    assert platform.posture.errors == ()
    assert broken(plan, platform) == []


def test_raising_the_tier_makes_no_other_disks() -> None:
    assert disks(Tier.PARTITIONED) == disks(Tier.ADVERSARIAL)
