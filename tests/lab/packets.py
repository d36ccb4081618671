"""Pods that try real connections on the lab, and what stands at the metadata server's address there."""

import subprocess
import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.blueprint.names import (
    CACHE_EXPORTER_PORT,
    DATABASE_EXPORTER_PORT,
    ENGINE_PORT,
    ENGINE_TLS_PORT,
    KUEUE_METRICS_PORT,
    KYVERNO_CONTROLLER_LABELS,
    KYVERNO_METRICS_PORT,
    KYVERNO_NAMESPACE,
    METRICS_PORT,
    PROMETHEUS_PORT,
    TENANTS_STATUS_PORT,
)
from infra.blueprint.platform_network import KUEUE_API_PORTS, KYVERNO_WEBHOOK_PORT
from lab.cluster import Kubectl
from lab.cluster.addresses import PROBE_IMAGE
from lab.cluster.network import INSIDE
from tests.lab.platform import ENGINES, GATEWAY, OBSERVABILITY
from tests.lab.workloads import pod, pod_spec

METADATA_SERVER = "169.254.169.254"
ANSWERS = """
import socketserver, sys, threading
for port in map(int, sys.argv[2:]):
    server = socketserver.TCPServer((sys.argv[1], port), socketserver.BaseRequestHandler)
    threading.Thread(target=server.serve_forever).start()
print("listening", flush=True)
"""
"""Not `http.server`: that looks its own name up before it listens, and nobody answers it in the lab's network."""
SETTLE_SECONDS = 2
"""A new pod is reachable, and reaches, for about a tenth of a second before its rules land."""
AT_ONCE = 4
NEVER = {"conditionType": "bulkhead.dev/never"}
"""A readiness gate that nobody opens: a pod that borrows a workload's labels must not get its Service's traffic."""

Place = tuple[str, str, int]
"""Where something listens: a namespace, a selector of pods, and a port."""

KUEUE = ("kueue-system", "app.kubernetes.io/name=kueue")
KYVERNO = (KYVERNO_NAMESPACE, ",".join(f"{key}={value}" for key, value in KYVERNO_CONTROLLER_LABELS.items()))
EXPORTERS = (GATEWAY, "app.kubernetes.io/name=datastore-exporter")
ENGINE_PODS = (ENGINES, "app.kubernetes.io/name=engine")
WATCHED: Mapping[str, Place] = {
    "gateway": (GATEWAY, "app.kubernetes.io/name=gateway", METRICS_PORT),
    "accounts": (GATEWAY, "app.kubernetes.io/name=tenants", TENANTS_STATUS_PORT),
    "database's exporter": (*EXPORTERS, DATABASE_EXPORTER_PORT),
    "cache's exporter": (*EXPORTERS, CACHE_EXPORTER_PORT),
    "engine": (*ENGINE_PODS, ENGINE_PORT),
    "kueue": (*KUEUE, KUEUE_METRICS_PORT),
    "kyverno": (*KYVERNO, KYVERNO_METRICS_PORT),
}
"""What answers with metrics, from `governed` on."""
PROMETHEUS: Place = (OBSERVABILITY, "app.kubernetes.io/name=prometheus", PROMETHEUS_PORT)
ENCRYPTED: Place = (*ENGINE_PODS, ENGINE_TLS_PORT)
"""An engine's door, where the gateway may come by mutual TLS."""
WEBHOOKS: Mapping[str, Place] = {
    **{f"kueue {port.number}": (*KUEUE, port.number) for port in KUEUE_API_PORTS},
    "kyverno": (*KYVERNO, KYVERNO_WEBHOOK_PORT.number),
}
"""Open to anybody on their own side, since no policy can name the API server's way to them."""


@dataclass(frozen=True)
class Prober:
    """A running pod that tries connections."""

    kubectl: Kubectl
    namespace: str
    name: str
    address: str

    def reaches(self, host: str, port: int) -> bool:
        """Whether a TCP connection is accepted; what is said over it counts for nothing."""
        said = subprocess.run(
            [
                str(self.kubectl.binary),
                f"--kubeconfig={self.kubectl.kubeconfig}",
                "exec",
                "--namespace",
                self.namespace,
                self.name,
                "--",
                "/probe",
                "reach",
                f"{host}:{port}",
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        connected = said.returncode == 0 or "answered, but not as" in said.stderr or "read tcp" in said.stderr
        assert connected or "dial tcp" in said.stderr, said.stderr
        return connected


@contextmanager
def probing(kubectl: Kubectl, namespace: str, name: str, labels: Mapping[str, str] | None = None) -> Generator[Prober]:
    """A pod in `namespace` that serves on port 8080 and tries connections, with `labels`; gone afterwards."""
    spec: dict[str, Any] = {**pod_spec(), "readinessGates": [NEVER], "terminationGracePeriodSeconds": 0}
    assert spec["containers"][0]["image"] == PROBE_IMAGE
    place = ("--namespace", namespace)
    kubectl.apply([pod(name, namespace, spec, labels={"test": name, **(labels or {})})])
    try:
        kubectl.run("wait", "pod", name, *place, "--for=condition=ContainersReady", "--timeout=120s", timeout=150)
        address = kubectl.run("get", "pod", name, *place, "--output=jsonpath={.status.podIP}")
        time.sleep(SETTLE_SECONDS)
        yield Prober(kubectl, namespace, name, address)
    finally:
        kubectl.run("delete", "pod", name, *place, "--ignore-not-found", "--wait=false")


@contextmanager
def metadata_server() -> Generator[str]:
    """Something that answers at the metadata server's address, as it would on a cloud's node; yields the address."""
    with answering(METADATA_SERVER, 80) as address:
        yield address


@contextmanager
def answering(host: str, *ports: int) -> Generator[str]:
    """Something that answers at an address outside the cluster, where nothing else does; yields the address."""
    address = f"{host}/32"
    subprocess.run([*INSIDE, "ip", "address", "add", address, "dev", "lo"], check=True, timeout=30)
    try:
        with subprocess.Popen(
            [*INSIDE, "python3", "-I", "-c", ANSWERS, host, *map(str, ports)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as running:
            try:
                assert running.stdout and running.stdout.readline(), f"nothing answers at {host}"
                yield host
            finally:
                running.terminate()
    finally:
        subprocess.run([*INSIDE, "ip", "address", "delete", address, "dev", "lo"], check=False, timeout=30)


def address_of(kubectl: Kubectl, namespace: str, selector: str) -> str:
    """The address of a ready pod that is no prober."""
    path = "--output=jsonpath={.items[0].status.podIP}"
    place = ("--namespace", namespace, "--field-selector=status.phase=Running")
    return kubectl.run("get", "pods", *place, "--selector", f"{selector},!test", path)


def reaches(prober: Prober, place: Place) -> bool:
    """Whether the prober reaches what really listens at a place."""
    namespace, selector, port = place
    return prober.reaches(address_of(prober.kubectl, namespace, selector), port)


def reached(prober: Prober, places: Mapping[str, Place]) -> set[str]:
    """Those of the places that the prober reaches; tried side by side, since a silent server takes two seconds."""

    def answers(place: Place) -> bool:
        return reaches(prober, place)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {name for name, answered in zip(places, pool.map(answers, places.values()), strict=True) if answered}


def api_server(kubectl: Kubectl) -> tuple[str, int]:
    """Where the API server really listens."""
    path = "--output=jsonpath={.endpoints[0].addresses[0]} {.ports[0].port}"
    host, port = kubectl.run("get", "endpointslice", "kubernetes", "--namespace", "default", path).split()
    return host, int(port)
