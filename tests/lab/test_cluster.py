"""The real cluster: it comes up, comes back, enforces policy, offers volumes and GPUs, and goes without a trace."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from lab import cluster, paths
from lab.cluster import Cluster, Kubectl, State
from lab.errors import LabError
from tests.lab.host_traces import observe_host
from tests.lab.shared_lab import SharedLab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

Document = dict[str, Any]


def pod(name: str, *command: str, **spec: Any) -> Document:
    container = {
        "name": "main",
        "image": cluster.PROBE_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        **spec.pop("container", {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }


def create(kubectl: Kubectl, namespace: str, *documents: Document) -> None:
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    kubectl.run("--namespace", namespace, "apply", "-f", "-", given=listed)


def wait(kubectl: Kubectl, namespace: str, what: str, condition: str) -> None:
    kubectl.run("--namespace", namespace, "wait", what, f"--for={condition}", "--timeout=180s", timeout=200)


def get(kubectl: Kubectl, *what: str) -> Any:
    return json.loads(kubectl.run("get", *what, "-o", "json"))


def test_every_part_is_ready(lab_cluster: Cluster) -> None:
    found = cluster.status()
    assert {part.name: part.state for part in found.parts if part.state is not State.READY} == {}
    assert found.up


def test_up_again_starts_nothing(lab_cluster: Cluster) -> None:
    before = {part.name: part.pid for part in cluster.status().parts}
    said: list[str] = []
    cluster.up(said.append)
    # On a lab in use, another `up` may hold the lock for a moment.
    assert [line for line in said if not line.startswith("another process")] == []
    assert {part.name: part.pid for part in cluster.status().parts} == before


def test_an_ordinary_kubectl_outside_the_network_uses_the_plain_kubeconfig(
    lab_cluster: Cluster, tmp_path: Path
) -> None:
    assert lab_cluster.kubeconfig.stat().st_mode & 0o777 == 0o600
    command = [lab_cluster.kubectl, "--context=bulkhead-lab", "version", "-o", "json"]
    answer = subprocess.run(
        command,
        env={"KUBECONFIG": str(lab_cluster.kubeconfig), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout)["serverVersion"]["gitVersion"] == "v1.36.3"


def test_the_simulated_nodes_are_ready_with_one_gpu_each(kubectl: Kubectl) -> None:
    nodes = get(kubectl, "nodes", "--selector=cloud.google.com/gke-accelerator=nvidia-l4")["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["bulkhead-simulated-l4-0", "bulkhead-simulated-l4-1"]
    for node in nodes:
        ready = next(entry for entry in node["status"]["conditions"] if entry["type"] == "Ready")
        assert (ready["status"], node["status"]["allocatable"]["nvidia.com/gpu"]) == ("True", "1")


def test_a_pod_that_tolerates_the_gpu_taint_runs_on_a_simulated_node_and_one_that_does_not_waits(
    kubectl: Kubectl, namespace: str
) -> None:
    gpu = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    create(
        kubectl,
        namespace,
        pod("tolerant", "/probe", "serve", "8080", container=gpu, tolerations=tolerations),
        pod("intolerant", "/probe", "serve", "8080", container=gpu),
    )
    wait(kubectl, namespace, "pod/tolerant", "condition=Ready")
    assert get(kubectl, "pod", "tolerant", "-n", namespace)["spec"]["nodeName"].startswith("bulkhead-simulated-l4-")
    # Every new pod is Pending; only the scheduler's own verdict says that it looked and found no node.
    wait(kubectl, namespace, "pod/intolerant", "condition=PodScheduled=False")
    conditions = get(kubectl, "pod", "intolerant", "-n", namespace)["status"]["conditions"]
    verdict = next(entry for entry in conditions if entry["type"] == "PodScheduled")
    assert verdict["reason"] == "Unschedulable"
    assert "untolerated taint" in verdict["message"]


@pytest.fixture
def caller_and_server(kubectl: Kubectl, namespace: str) -> Iterator[str]:
    """A server, its Service, and a caller in one namespace; yields the namespace."""
    service: Document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server"},
        "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    ready: Document = {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}}
    create(
        kubectl,
        namespace,
        pod("server", "/probe", "serve", "8080", container=ready),
        pod("caller", "/probe", "serve", "8080"),
        pod("stranger", "/probe", "serve", "8080"),
        service,
    )
    for name in ("server", "caller", "stranger"):
        wait(kubectl, namespace, f"pod/{name}", "condition=Ready")
    yield namespace


def reaches(kubectl: Kubectl, namespace: str, caller: str, address: str) -> bool:
    try:
        kubectl.run("--namespace", namespace, "exec", caller, "--", "/probe", "reach", address)
    except LabError:
        return False
    return True


def eventually(kubectl: Kubectl, namespace: str, caller: str, address: str, wanted: bool) -> bool:
    """Tell whether the caller's reach becomes as wanted within a minute: rules take their time to land."""
    deadline = time.monotonic() + 60
    while reaches(kubectl, namespace, caller, address) is not wanted:
        if time.monotonic() > deadline:
            return False
    return True


def test_a_network_policy_stops_packets_and_lets_through_what_it_names(
    kubectl: Kubectl, caller_and_server: str
) -> None:
    namespace = caller_and_server
    by_name = f"server.{namespace}.svc.cluster.local:80"
    by_address = get(kubectl, "pod", "server", "-n", namespace)["status"]["podIP"] + ":8080"
    for caller in ("caller", "stranger"):
        for address in (by_name, by_address):
            assert eventually(kubectl, namespace, caller, address, True), f"{caller} cannot reach {address} at all"
    policy: Document = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "only-the-caller"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "server"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "caller"}}}]}],
        },
    }
    create(kubectl, namespace, policy)
    for address in (by_name, by_address):
        assert eventually(kubectl, namespace, "stranger", address, False), f"the stranger still reaches {address}"
        assert reaches(kubectl, namespace, "caller", address), f"the caller no longer reaches {address}"
    server = get(kubectl, "pod", "server", "-n", namespace)
    ready = next(entry for entry in server["status"]["conditions"] if entry["type"] == "Ready")
    assert ready["status"] == "True", "the kubelet's own probe must still pass"


def write_to_a_claim(kubectl: Kubectl, namespace: str) -> str:
    """Have a pod that is not root write a file to a new claim; returns the name of the claim's volume."""
    claim: Document = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    writer = pod(
        "writer",
        "/probe",
        "write",
        "/data/file",
        container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        securityContext={"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001},
        restartPolicy="Never",
    )
    create(kubectl, namespace, claim, writer)
    wait(kubectl, namespace, "pod/writer", "jsonpath={.status.phase}=Succeeded")
    return get(kubectl, "pvc", "data", "-n", namespace)["spec"]["volumeName"]


def folder_of(kubectl: Kubectl, volume: str) -> Path:
    return Path(get(kubectl, "pv", volume)["spec"]["local"]["path"])


def test_a_volume_claim_binds_and_a_pod_that_is_not_root_writes_to_it(kubectl: Kubectl, namespace: str) -> None:
    volume = write_to_a_claim(kubectl, namespace)
    assert (folder_of(kubectl, volume) / "file").stat().st_uid == 10001


def test_a_released_volume_is_emptied_and_offered_again(kubectl: Kubectl, namespace: str) -> None:
    volume = write_to_a_claim(kubectl, namespace)
    kubectl.run("--namespace", namespace, "delete", "pod/writer", "pvc/data", "--wait=true", timeout=200)
    wait(kubectl, namespace, f"pv/{volume}", "jsonpath={.status.phase}=Released")
    assert (folder_of(kubectl, volume) / "file").exists()
    cluster.up()
    wait(kubectl, namespace, f"pv/{volume}", "jsonpath={.status.phase}=Available")
    assert list(folder_of(kubectl, volume).iterdir()) == []


def become_stopped(*names: str) -> bool:
    """Tell whether these parts count as stopped within a minute: the kernel ends a killed process when it can."""
    deadline = time.monotonic() + 60
    while {part.state for part in cluster.status().parts if part.name in names} != {State.STOPPED}:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_a_killed_api_server_and_kubelet_are_back_after_the_next_up(lab_to_break: Cluster, kubectl: Kubectl) -> None:
    before = {part.name: part.pid for part in cluster.status().parts}
    for name in ("kube-apiserver", "kubelet"):
        os.kill(cast("int", before[name]), signal.SIGKILL)
    assert become_stopped("kube-apiserver", "kubelet")
    assert not cluster.status().up
    cluster.up()
    found = cluster.status()
    assert found.up, found
    after = {part.name: part.pid for part in found.parts}
    assert {name for name in before if before[name] != after[name]} == {"kube-apiserver", "kubelet"}
    assert get(kubectl, "deployment", "coredns", "-n", "kube-system")["status"]["availableReplicas"] == 1


def test_down_leaves_nothing_behind(lab_to_take_down: SharedLab) -> None:
    seen = observe_host().added_since(lab_to_take_down.host_before)
    assert {"processes", "mounts", "namespaces", "interfaces", "addresses", "cgroups", "places"} <= seen.keys()
    cluster.down()
    assert observe_host().added_since(lab_to_take_down.host_before) == {}
    assert not paths.state_directory().exists()
    assert (paths.binaries_directory() / "kubectl").exists()
    cluster.down()
