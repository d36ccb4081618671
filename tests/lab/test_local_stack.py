"""The committed `local` stack on the running lab, from nothing to a completion and back to nothing.

The first tests need it undeployed; those after them share one deployment, which the last one destroys.
"""

import json
import os
import signal
import time
from collections.abc import Generator
from typing import Any

import pytest

from lab import cluster
from lab.errors import LabError
from lab.images import ImageBuildError, ImageName, ensure_images
from lab.quickstart.cluster_access import ClusterAccess
from lab.quickstart.completion import GatewayClient
from tests.lab import openai_like
from tests.lab.local_stack import LocalStack, make_local_stack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

GATEWAY = "bulkhead-gateway"
ENGINES = "bulkhead-engines"
WORKLOADS = "bulkhead-workloads"
TENANT = "research"
NAMESPACES = {GATEWAY, ENGINES, WORKLOADS, "kueue-system"}
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
DECISION_SECONDS = 90
"""How long Kueue may take to decide on a job, on a slow machine."""


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
    refuse_somebody_elses_platform()
    local = make_local_stack(tmp_path_factory.mktemp("project"), lab_cluster)
    yield local
    local.engine.destroy("--suppress-progress")


def refuse_somebody_elses_platform() -> None:
    """Leave a platform alone that these tests did not deploy: they would take it over, and destroy it in the end."""
    found = platform_objects(cluster.kubectl())
    if not found:
        return
    reason = f"the lab carries a platform that is not these tests' own ({min(found)}); run ./quickstart down first"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def deployed(stack: LocalStack) -> LocalStack:
    """The local stack as committed, deployed; a test that changes it takes it back."""
    stack.engine.up("--suppress-progress")
    return stack


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
    before = platform_objects(kubectl)
    with stack.edited(trust={"tier": "governed", "tenants": "cooperative"}):
        refused = stack.engine.capture("up", "--yes", "--skip-preview")
    printed = refused.stdout + refused.stderr
    assert refused.status != 0
    assert "not available yet" in printed
    assert "bulkhead:trust.tier" in printed
    assert "Traceback" not in printed
    assert platform_objects(kubectl) == before


def test_an_update_that_was_killed_halfway_is_finished_by_the_next_one(
    stack: LocalStack, kubectl: cluster.Kubectl
) -> None:
    stack.engine.destroy("--suppress-progress")

    def begun() -> bool:
        return f"namespace/{GATEWAY}" in platform_objects(kubectl)

    assert stack.killed_up(begun) == -signal.SIGKILL
    assert "deployment.apps/gateway" not in gateway_deployments(kubectl)
    stack.engine.up("--suppress-progress")
    assert gateway_deployments(kubectl) == ["deployment.apps/gateway"]
    assert stack.changes() == {}


def gateway_deployments(kubectl: cluster.Kubectl) -> list[str]:
    return kubectl.run("get", "deployments", "--namespace", GATEWAY, "--output=name").split()


def test_an_update_without_a_change_changes_nothing(deployed: LocalStack) -> None:
    assert deployed.changes() == {}


def test_a_completion_with_the_tenants_key_is_answered_and_its_spend_recorded(
    deployed: LocalStack, access: ClusterAccess
) -> None:
    key = deployed.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    master_key = access.secret_value(GATEWAY, "gateway", "master-key")
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        client = GatewayClient(port, key, master_key)
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
        assert openai_like.status(port, key, "GET", "/team/list") in {401, 403}
        assert openai_like.status(port, key, "POST", "/key/generate", {}) in {401, 403}


def test_the_tenants_key_shows_in_no_output_unless_asked_for(deployed: LocalStack) -> None:
    key = deployed.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    assert deployed.engine.outputs()["tenant_keys"] == "[secret]"
    assert key not in deployed.engine.capture("stack", "output").stdout
    assert key not in json.dumps(deployed.engine.preview_json("--show-sames"))
    assert all(key not in file.read_text() for file in (deployed.folder / "state").rglob("*.json"))


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


def test_another_tenant_gets_a_key_and_loses_it_when_it_leaves_and_the_first_ones_key_stays(
    deployed: LocalStack, access: ClusterAccess
) -> None:
    key = deployed.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    tenants = deployed.value("tenants")
    waivers = [
        {"control": control, "owner": "tests", "reason": "two tenants for a moment", "expires": "2999-12-31"}
        for control in ("SR1", "SR2", "SR3")
    ]
    trust = {"tier": "trusted", "tenants": "cooperative", "waivers": waivers}
    with deployed.edited(trust=trust, tenants=[*tenants, {**tenants[0], "name": "search", "gpu_quota": 0}]):
        deployed.engine.up("--suppress-progress")
        keys = deployed.engine.outputs(show_secrets=True)["tenant_keys"]
        assert keys[TENANT] == key
        with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
            assert openai_like.chat_status(port, keys["search"], "tiny") == 200
    deployed.engine.up("--suppress-progress")
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        assert openai_like.chat_status(port, keys["search"], "tiny") in {401, 403}
        assert openai_like.chat_status(port, key, "tiny") == 200


def test_destroy_leaves_nothing(deployed: LocalStack, kubectl: cluster.Kubectl) -> None:
    assert platform_objects(kubectl)
    deployed.engine.destroy("--suppress-progress")
    assert platform_objects(kubectl) == set()
