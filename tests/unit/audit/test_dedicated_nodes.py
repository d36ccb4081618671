"""Nodes without GPUs that are one tenant's: Kyverno's own command line judges who may go there."""

import dataclasses
import os
from functools import cache
from typing import Any

import pytest

from infra.audit.identity import identity_of
from infra.audit.offline.admission import ADMINISTRATOR, namespace_labels
from infra.audit.offline.policies import PolicyCommand
from infra.blueprint.gpu_admission import gpu_admission_part
from infra.cli.offline import kyverno_binary
from infra.config.loader import parse
from infra.plan import plan
from infra.posture import Platform, platform_of
from tests.unit.audit.stacks import TODAY, document

POOL = "example.com/pool"
DEDICATED = "bulkhead.dev/dedicated-to"
OWNER, OTHER = "tenant-0", "tenant-1"
GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists"}


@cache
def platform() -> Platform:
    """The `adversarial` tier; the first tenant has GPUs, nodes without GPUs and a model on these to itself."""
    written: Any = document("adversarial")
    model = written["bulkhead:models"][0]
    written["bulkhead:pools"] = [
        pool("cpu", "cpu", None),
        pool("quiet", "cpu", OWNER),
        pool("own", "nvidia-l4", OWNER),
        pool("others", "nvidia-l4", OTHER),
    ]
    written["bulkhead:models"] = [model, {**model, "name": "quiet", "pool": "quiet"}]
    owner, other = written["bulkhead:tenants"]
    written["bulkhead:tenants"] = [
        {**owner, "models": ["quiet"], "gpu_quota": {"own": 1}, "sensitive": True},
        {**other, "gpu_quota": {"others": 1}},
    ]
    config = parse(written, TODAY)
    assert not isinstance(config, list), config
    return platform_of("tests", config, TODAY)


def pool(name: str, accelerator: str, owner: str | None) -> dict[str, Any]:
    dedicated = {"dedicated_to": owner} if owner else {}
    labels = {POOL: name}
    return {"name": name, "accelerator": accelerator, "nodes": {"max": 2}, "node_labels": labels, **dedicated}


@pytest.fixture(scope="module")
def command() -> PolicyCommand:
    program = kyverno_binary()
    if program is None:
        reason = "Kyverno's command line is not built; `python -m lab.quickstart prepare` builds it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    policies = plan(platform(), {}).admission_policies
    return PolicyCommand(program, policies, namespace_labels(platform().blueprint), "install it")


def pod(name: str, tenant: str, selector: dict[str, str], *tolerations: dict[str, str]) -> dict[str, Any]:
    """A pod without a GPU."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": f"bulkhead-tenant-{tenant}"},
        "spec": {
            "nodeSelector": selector,
            "tolerations": list(tolerations),
            "containers": [{"name": "main", "image": "example/image:1.0.0"}],
        },
    }


def dedicated_to(tenant: str) -> dict[str, str]:
    return {"key": DEDICATED, "operator": "Equal", "value": tenant, "effect": "NoSchedule"}


def refused(command: PolicyCommand, tenant: str, *pods: dict[str, Any]) -> dict[str, str]:
    """Name of a pod → the first word of why `tenant` may not make it."""
    owner = next(one for one in platform().blueprint.tenants if one.name == tenant)
    denials = command.denials(identity_of(owner.subjects[0]), pods)
    return {name: words.partition(":")[0] for name, words in denials.items()}


def test_a_tenants_pods_may_go_to_its_own_nodes_without_gpus_and_to_none_with_them(command: PolicyCommand) -> None:
    found = refused(
        command,
        OWNER,
        pod("quiet", OWNER, {POOL: "quiet"}, dedicated_to(OWNER)),
        pod("anywhere", OWNER, {}, dedicated_to(OWNER)),
        pod("beside-gpus", OWNER, {POOL: "own"}, dedicated_to(OWNER)),
        pod("past-both-taints", OWNER, {POOL: "quiet"}, dedicated_to(OWNER), GPU_TAINT),
        pod("past-every-taint", OWNER, {POOL: "quiet"}, {"operator": "Exists"}),
    )

    assert found == dict.fromkeys(("anywhere", "beside-gpus", "past-both-taints", "past-every-taint"), "SR2")


def test_another_tenants_pods_may_not(command: PolicyCommand) -> None:
    assert refused(command, OTHER, pod("quiet", OTHER, {POOL: "quiet"}, dedicated_to(OWNER))) == {"quiet": "HW3"}


def test_the_platforms_engine_on_a_tenants_own_nodes_without_gpus_is_let_in(command: PolicyCommand) -> None:
    resources = plan(platform(), {}).resources
    engine: Any = next(one.inputs for one in resources if one.name == "engine-quiet-deployment")

    assert engine["spec"]["template"]["spec"]["tolerations"] == [dedicated_to(OWNER)]
    assert command.denials(ADMINISTRATOR, [{"apiVersion": "apps/v1", "kind": "Deployment", **engine}]) == {}


def test_only_labels_that_no_node_with_gpus_can_carry_tell_nodes_without_them() -> None:
    made = platform().blueprint
    zoned = tuple(
        dataclasses.replace(one, node_labels={"example.com/zone": "a"}) if one.name == "quiet" else one
        for one in made.pools
    )

    assert gpu_admission_part(made).dedicated_without_gpus == ({POOL: "quiet"},)
    assert gpu_admission_part(dataclasses.replace(made, pools=zoned)).dedicated_without_gpus == ()
