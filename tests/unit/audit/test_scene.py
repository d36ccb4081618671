"""What the corpus's placeholders stand for: an attack's have to make it one."""

from typing import Any

import pytest

from infra.audit.admission import probe_admission
from infra.audit.cluster import Answer
from infra.audit.corpus import load_corpus
from infra.audit.leftovers import Leftovers
from infra.audit.results import Observation, Outcome
from infra.audit.scene import scenes_of
from infra.blueprint.gpu_admission import gpu_admission_part
from infra.blueprint.model import Blueprint
from infra.config.loader import parse
from infra.config.trust import ControlId
from infra.posture import platform_of
from tests.unit.audit.fake_cluster import FakeCluster
from tests.unit.audit.stacks import TODAY, document

ACCELERATOR = "cloud.google.com/gke-accelerator"
POOL = "example.com/pool"
TENANTS = ("tenant-0", "tenant-1")
FOREIGN_POOL = {"other-tenants-pool", "other-tenants-pool-among-own"}


def blueprint(pools: list[dict[str, Any]]) -> Blueprint:
    """Two tenants in the `adversarial` tier, each with quota on a pool of its own, on a cluster with `pools`."""
    written = document("adversarial")
    written["bulkhead:pools"] = [{"name": "cpu", "accelerator": "cpu", "nodes": {"max": 2}}, *pools]
    tenants: Any = written["bulkhead:tenants"]
    written["bulkhead:tenants"] = [{**one, "gpu_quota": {f"{one['name']}-own": 1}} for one in tenants]
    config = parse(written, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY).blueprint


def owned(tenant: str, labels: dict[str, str]) -> dict[str, Any]:
    """A pool that is dedicated to a tenant."""
    return {**opened(f"{tenant}-own", labels), "dedicated_to": tenant}


def opened(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A pool that is open to every tenant."""
    return {"name": name, "accelerator": labels[ACCELERATOR], "nodes": {"max": 2}, "node_labels": labels}


def alike() -> Blueprint:
    """Pools of one accelerator, whose first label they share, as the lab's are."""
    return blueprint([owned(name, labels={ACCELERATOR: "nvidia-l4", POOL: name}) for name in TENANTS])


def in_no_way_alone() -> Blueprint:
    """The second tenant's pool carries no label that not one of the open pools carries, too; the first one's does."""
    return blueprint(
        [
            owned(TENANTS[0], labels={ACCELERATOR: "nvidia-l4", POOL: "first"}),
            owned(TENANTS[1], labels={ACCELERATOR: "nvidia-l4", POOL: "second"}),
            opened("near", labels={ACCELERATOR: "nvidia-l4", POOL: "third"}),
            opened("far", labels={ACCELERATOR: "nvidia-tesla-t4", POOL: "second"}),
        ]
    )


def label(made: Blueprint, tenant: str, prefix: str) -> tuple[str | None, str | None]:
    values = next(scene.values for scene in scenes_of(made, "node") if scene.tenant == tenant)
    return values.get(f"{prefix}_label_key"), values.get(f"{prefix}_label_value")


@pytest.mark.parametrize(("tenant", "other"), [TENANTS, TENANTS[::-1]])
def test_another_tenants_label_is_one_that_no_pool_open_to_the_tenant_carries(tenant: str, other: str):
    assert label(alike(), tenant, "other") == (POOL, other)


@pytest.mark.parametrize("tenant", TENANTS)
def test_admission_refuses_another_tenants_label_and_lets_the_own_one_pass(tenant: str):
    made = alike()
    placement = gpu_admission_part(made).placement
    allowed = {*placement.open_labels, *placement.own_labels[tenant]}
    other_key, other_value = label(made, tenant, "other")
    own_key, own_value = label(made, tenant, "own")
    assert other_key in placement.label_keys
    assert f"{other_key}={other_value}" not in allowed
    assert f"{own_key}={own_value}" in allowed


def test_a_label_that_an_open_pool_carries_too_marks_nobodys_nodes():
    made = in_no_way_alone()
    assert label(made, TENANTS[0], "other") == (None, None)
    assert label(made, TENANTS[1], "other") == (POOL, "first")


def test_without_a_label_of_another_tenants_nodes_alone_its_attacks_are_unproven_and_say_why():
    cluster = FakeCluster(lambda _: Answer(201, {}))
    scenes = scenes_of(in_no_way_alone(), "node", frozenset({TENANTS[0]}))
    found = probe_admission(cluster, load_corpus(), scenes, frozenset(ControlId), Leftovers(cluster, "run"))
    attacks: list[Observation] = [one for one in found if one.case in FOREIGN_POOL]
    assert {one.case for one in attacks} == FOREIGN_POOL
    assert {(one.outcome, one.seen) for one in attacks} == {
        (Outcome.UNPROVEN, "no label marks GPU nodes of other tenants alone")
    }
