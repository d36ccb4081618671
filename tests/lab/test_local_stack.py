"""The committed `local` stack on the running lab, from nothing to a completion and back to nothing.

The first tests need it undeployed; those after them share one deployment, which the last one of the run destroys.
"""

import json
import signal
import time
from typing import Any

import pytest

from lab import cluster
from lab.quickstart.cluster_access import ClusterAccess
from lab.quickstart.completion import GatewayClient
from tests.lab import openai_like
from tests.lab.local_stack import LocalStack
from tests.lab.platform import GATEWAY, TENANT, WORKLOADS, kept, platform_objects

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
DECISION_SECONDS = 90
"""How long Kueue may take to decide on a job, on a slow machine."""


def test_a_tier_that_the_declared_facts_contradict_is_refused_and_nothing_is_made(
    local_stack: LocalStack, kubectl: cluster.Kubectl
) -> None:
    before = platform_objects(kubectl)
    with local_stack.edited(trust={"tier": "trusted", "tenants": "untrusted"}):
        refused = local_stack.engine.capture("up", "--yes", "--skip-preview")
    printed = refused.stdout + refused.stderr
    assert refused.status != 0
    assert "is required, since tenants are declared untrusted" in printed
    assert "bulkhead:trust.tier: NS1 (" in printed
    assert "Traceback" not in printed
    assert platform_objects(kubectl) == before


@pytest.mark.skipif(kept(), reason="the platform was there before this run, so it is not this run's to destroy")
def test_an_update_that_was_killed_halfway_is_finished_by_the_next_one(
    local_stack: LocalStack, kubectl: cluster.Kubectl
) -> None:
    local_stack.engine.destroy("--suppress-progress")

    def begun() -> bool:
        return f"namespace/{GATEWAY}" in platform_objects(kubectl)

    assert local_stack.killed_up(begun) == -signal.SIGKILL
    assert "deployment.apps/gateway" not in gateway_deployments(kubectl)
    local_stack.engine.up("--suppress-progress")
    assert {"deployment.apps/gateway", "deployment.apps/tenants"} <= set(gateway_deployments(kubectl))
    assert local_stack.changes() == {}


def gateway_deployments(kubectl: cluster.Kubectl) -> list[str]:
    return kubectl.run("get", "deployments", "--namespace", GATEWAY, "--output=name").split()


def test_an_update_without_a_change_changes_nothing(deployed: LocalStack) -> None:
    assert deployed.changes() == {}


def test_a_completion_with_the_tenants_key_is_answered_and_its_spend_recorded(
    deployed: LocalStack, access: ClusterAccess
) -> None:
    key = deployed.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    master_key = access.secret_value(GATEWAY, "gateway", "master-key")
    with (
        access.forwarded_port(GATEWAY, "gateway", 4000) as port,
        access.forwarded_port(GATEWAY, "gateway-admin", 4001) as admin_port,
    ):
        client = GatewayClient(port, admin_port, key, master_key)
        assert client.models() == ["tiny"]
        answer = client.complete("tiny")
    assert answer.completion_tokens > 0
    price = answer.prompt_tokens * 0.20e-6 + answer.completion_tokens * 0.60e-6
    assert answer.spend_after_usd - answer.spend_before_usd == pytest.approx(price, rel=1e-6)


def test_a_wrong_key_gets_no_completion_and_the_admin_api_refuses_the_tenants_key(
    deployed: LocalStack, access: ClusterAccess
) -> None:
    key = deployed.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        assert openai_like.chat_status(port, "sk-" + "0" * 48, "tiny") == 401
        assert openai_like.chat_status(port, key, "tiny") == 200
    with access.forwarded_port(GATEWAY, "gateway-admin", 4001) as port:
        assert openai_like.status(port, key, "GET", "/v2/team/list") in {401, 403}
        assert openai_like.status(port, key, "POST", "/key/generate", {}) in {401, 403}


def test_the_tenants_key_shows_in_no_output_unless_asked_for(deployed: LocalStack) -> None:
    key = deployed.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    assert deployed.engine.outputs()["tenant_keys"] == "[secret]"
    assert key not in deployed.engine.capture("stack", "output").stdout
    assert key not in json.dumps(deployed.engine.preview_json("--show-sames"))
    written = list(deployed.state.rglob("*.json"))
    assert written
    assert all(key not in file.read_text() for file in written)


def gpu_job(name: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "example.com/never-run:1",
        "resources": {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 1}},
    }
    template: dict[str, Any] = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    # The simulated node would end the pod at once, and so give its GPU back before the second job is looked at.
    template["metadata"] = {"annotations": {"pod-complete.stage.kwok.x-k8s.io/delay": "1h"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": WORKLOADS, "labels": {QUEUE_LABEL: TENANT}},
        "spec": {"template": template},
    }


def admitted(kubectl: cluster.Kubectl, name: str) -> str:
    """What Kueue has decided on a job's quota: `True`, `False`, or empty while it has not."""
    workloads = json.loads(kubectl.run("get", "workloads", "--namespace", WORKLOADS, "--output", "json"))["items"]
    for workload in workloads:
        if any(owner["name"] == name for owner in workload["metadata"].get("ownerReferences", [])):
            conditions = {entry["type"]: entry["status"] for entry in workload.get("status", {}).get("conditions", [])}
            return str(conditions.get("QuotaReserved", ""))
    return ""


def wait_for(decision: str, kubectl: cluster.Kubectl, name: str) -> None:
    deadline = time.monotonic() + DECISION_SECONDS
    while admitted(kubectl, name) != decision:
        assert time.monotonic() < deadline, f"Kueue has not decided {decision} on {name}"
        time.sleep(0.5)


def test_a_gpu_job_within_the_quota_is_admitted_and_one_beyond_it_waits(
    deployed: LocalStack, kubectl: cluster.Kubectl
) -> None:
    try:
        kubectl.apply([gpu_job("within")])
        wait_for("True", kubectl, "within")
        kubectl.apply([gpu_job("beyond")])
        wait_for("False", kubectl, "beyond")
        assert admitted(kubectl, "within") == "True"
        kubectl.run("delete", "job", "within", "--namespace", WORKLOADS, "--wait=true")
        wait_for("True", kubectl, "beyond")
    finally:
        kubectl.run("delete", "jobs", "within", "beyond", "--namespace", WORKLOADS, "--ignore-not-found")


def test_a_repriced_model_rolls_the_gateway_and_leaves_everything_else(deployed: LocalStack) -> None:
    models = deployed.value("models")
    models[0]["price"]["input_usd_per_million_tokens"] = 0.25
    with deployed.edited(models=models):
        changes = deployed.changes()
    touched = {name for names in changes.values() for name in names}
    assert touched
    assert all(name.startswith("gateway") for name in touched), changes


def test_destroy_leaves_nothing(platform_to_destroy: LocalStack, kubectl: cluster.Kubectl) -> None:
    assert platform_objects(kubectl)
    platform_to_destroy.engine.destroy("--suppress-progress")
    assert platform_objects(kubectl) == set()
