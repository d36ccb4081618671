"""The committed `local` stack on the running lab, from nothing to a completion and back to nothing.

One module-wide deployment: the tests run in the order in which they stand, and the last one destroys it.
"""

import json
import os
import signal
import time
from collections.abc import Generator
from typing import Any

import openai_like
import pytest
from local_stack import LocalStack, make_local_stack

from lab import cluster
from lab.errors import LabError
from lab.images import ImageBuildError, ImageName, ensure_images
from lab.quickstart.cluster_access import ClusterAccess
from lab.quickstart.completion import GatewayClient

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

GATEWAY = "bulkhead-gateway"
ENGINES = "bulkhead-engines"
WORKLOADS = "bulkhead-workloads"
TENANT = "research"
NAMESPACES = {GATEWAY, ENGINES, WORKLOADS, "kueue-system"}
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"


@pytest.fixture(scope="module")
def stack(lab_cluster: cluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalStack]:
    """The local stack with nothing of it deployed yet; destroyed in the end whatever happened."""
    try:
        archives = ensure_images(list(ImageName), print)
    except (LabError, ImageBuildError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    for reference, archive in archives.items():
        cluster.import_image(archive, reference)
    local = make_local_stack(tmp_path_factory.mktemp("project"), lab_cluster)
    yield local
    local.engine.destroy()


@pytest.fixture(scope="module")
def access(lab_cluster: cluster.Cluster, stack: LocalStack) -> ClusterAccess:
    path = f"{lab_cluster.kubectl.parent}{os.pathsep}{stack.engine.environment['PATH']}"
    return ClusterAccess(lab_cluster.context, {**stack.engine.environment, "PATH": path})


def platform_objects(kubectl: cluster.Kubectl) -> set[str]:
    """Namespaces and cluster-wide objects that only this platform makes."""
    listed = kubectl.run("get", "namespaces,customresourcedefinitions", "--output=name").split()
    return {name for name in listed if name.partition("/")[2] in NAMESPACES or "kueue" in name}


def test_a_tier_that_is_not_available_yet_is_refused_and_nothing_is_made(
    stack: LocalStack, kubectl: cluster.Kubectl
) -> None:
    stack.edit("trust", {"tier": "governed", "tenants": "cooperative"})
    refused = stack.engine.capture("up", "--yes", "--skip-preview")
    stack.restore()
    printed = refused.stdout + refused.stderr
    assert refused.status != 0
    assert "not available yet" in printed
    assert "bulkhead:trust.tier" in printed
    assert "Traceback" not in printed
    assert platform_objects(kubectl) == set()


def test_an_update_that_was_killed_halfway_is_finished_by_the_next_one(
    stack: LocalStack, kubectl: cluster.Kubectl
) -> None:
    stack.interrupted_up("kueue", signal.SIGKILL)
    stack.engine.up()
    ready = kubectl.run("get", "deployments", "--namespace", GATEWAY, "--output", "json")
    conditions = [item["status"]["availableReplicas"] for item in json.loads(ready)["items"]]
    assert conditions == [1]


def test_an_update_without_a_change_changes_nothing(stack: LocalStack) -> None:
    assert stack.changes() == {}


def test_a_completion_with_the_tenants_key_is_answered_and_its_spend_recorded(
    stack: LocalStack, access: ClusterAccess
) -> None:
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    master_key = access.secret_value(GATEWAY, "gateway", "master-key")
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        client = GatewayClient(port, key, master_key)
        assert client.models() == ["tiny"]
        answer = client.complete("tiny")
    assert answer.completion_tokens > 0
    price = answer.prompt_tokens * 0.20e-6 + answer.completion_tokens * 0.60e-6
    assert answer.spend_after_usd - answer.spend_before_usd == pytest.approx(price, rel=1e-6)


def test_a_wrong_key_gets_no_completion_and_the_admin_api_refuses_the_tenants_key(
    stack: LocalStack, access: ClusterAccess
) -> None:
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        assert openai_like.chat_status(port, "sk-" + "0" * 48, "tiny") == 401
        assert openai_like.chat_status(port, key, "tiny") == 200
        assert openai_like.status(port, key, "GET", "/team/list") in {401, 403}
        assert openai_like.status(port, key, "POST", "/key/generate", {}) in {401, 403}


def test_the_tenants_key_shows_in_no_output_unless_asked_for(stack: LocalStack) -> None:
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    assert stack.engine.outputs()["tenant_keys"] == "[secret]"
    assert key not in stack.engine.capture("stack", "output").stdout
    assert key not in json.dumps(stack.engine.preview_json("--show-sames"))
    assert all(key not in file.read_text() for file in (stack.folder / "state").rglob("*.json"))


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


def suspended(kubectl: cluster.Kubectl, name: str) -> bool:
    job = json.loads(kubectl.run("get", "job", name, "--namespace", WORKLOADS, "--output", "json"))
    return bool(job["spec"].get("suspend"))


def test_a_gpu_job_within_the_quota_is_admitted_and_one_beyond_it_waits(
    stack: LocalStack, kubectl: cluster.Kubectl
) -> None:
    try:
        kubectl.apply([gpu_job("within")])
        deadline = time.monotonic() + 60
        while suspended(kubectl, "within") and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not suspended(kubectl, "within")
        kubectl.apply([gpu_job("beyond")])
        time.sleep(5)
        assert suspended(kubectl, "beyond")
        kubectl.run("delete", "job", "within", "--namespace", WORKLOADS, "--wait=true")
        while suspended(kubectl, "beyond") and time.monotonic() < deadline + 60:
            time.sleep(0.5)
        assert not suspended(kubectl, "beyond")
    finally:
        kubectl.run("delete", "jobs", "within", "beyond", "--namespace", WORKLOADS, "--ignore-not-found")


def test_a_repriced_model_rolls_the_gateway_and_leaves_everything_else(stack: LocalStack) -> None:
    models = stack.value("models")
    models[0]["price"]["input_usd_per_million_tokens"] = 0.25
    stack.edit("models", models)
    changes = stack.changes()
    touched = {name for names in changes.values() for name in names}
    assert touched
    assert all(name.startswith("gateway") for name in touched), changes
    stack.restore()


def test_another_tenant_adds_its_account_and_queue_and_keeps_the_first_ones_key(
    stack: LocalStack, access: ClusterAccess
) -> None:
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    tenants = stack.value("tenants")
    waivers = [
        {"control": control, "owner": "tests", "reason": "two tenants for a moment", "expires": "2999-12-31"}
        for control in ("SR1", "SR2", "SR3")
    ]
    stack.edit("trust", {"tier": "trusted", "tenants": "cooperative", "waivers": waivers})
    stack.edit("tenants", [*tenants, {**tenants[0], "name": "search", "gpu_quota": 0}])
    stack.engine.up()
    keys = stack.engine.outputs(show_secrets=True)["tenant_keys"]
    assert keys[TENANT] == key
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        assert openai_like.chat_status(port, keys["search"], "tiny") == 200
    stack.restore()
    stack.engine.up()
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        assert openai_like.chat_status(port, keys["search"], "tiny") in {401, 403}
        assert openai_like.chat_status(port, key, "tiny") == 200


def test_destroy_leaves_nothing(stack: LocalStack, kubectl: cluster.Kubectl) -> None:
    assert platform_objects(kubectl)
    stack.engine.destroy()
    assert platform_objects(kubectl) == set()
