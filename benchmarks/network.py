"""How long a NetworkPolicy takes from `kubectl apply` to the packets of pods that are there already.

Run with a platform deployed on the lab: python -m benchmarks.network [ROUNDS]

In a namespace of its own one pod tries another every few milliseconds, while a policy that closes it is applied and
deleted, round after round. What is timed begins when kubectl has returned, so that 0 means: it held by then. How long
a new pod is open, before any of its rules have landed, says `audit.py`.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from infra.pins import LITELLM_IMAGE
from lab import cluster
from tests.lab.load import percentile
from tests.lab.workloads import pod, pod_spec, with_container

NAMESPACE = "network-benchmark"
PORT = 8080
ROUNDS = 20
TRY_SECONDS = 0.04
LONGEST_SECONDS = 30.0
SETTLED = 15
"""Equal answers in a row after which a change is taken to hold."""

TRIES = """
import socket, sys, time
host, port, patience = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
while True:
    began = time.time()
    try:
        socket.create_connection((host, port), timeout=patience).close()
        print(began, 1, flush=True)
        time.sleep(0.005)
    except OSError:
        print(began, 0, flush=True)
"""

CLOSED: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "closed", "namespace": NAMESPACE},
    "spec": {"podSelector": {"matchLabels": {"role": "server"}}, "policyTypes": ["Ingress"]},
}


@dataclass
class Caller:
    """A pod that tries another; collects when each attempt began, and whether it was answered."""

    process: subprocess.Popen[str]
    attempts: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])

    def read(self) -> None:
        """Collect until the process ends."""
        for line in self.process.stdout or ():
            began, answered = line.split()
            self.attempts.append((float(began), answered == "1"))

    def seconds_until(self, answered: bool, since: float) -> float:
        """Seconds from `since` to the first attempt of a run of equal ones: all answered, or none.

        Raises:
            TimeoutError: There was no such run in time.
        """
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            last = self.attempts[-SETTLED:]
            if len(last) == SETTLED and last[0][0] > since and all(seen is answered for _, seen in last):
                return self._begin_of_last_run(answered, since)
            time.sleep(0.02)
        raise TimeoutError(f"after {LONGEST_SECONDS:.0f} s the pod is still not {'open' if answered else 'closed'}")

    def _begin_of_last_run(self, answered: bool, since: float) -> float:
        began = since
        for when, seen in reversed(self.attempts):
            if seen is not answered or when < since:
                break
            began = when
        return began - since


@contextmanager
def place(kubectl: cluster.Kubectl) -> Generator[str]:
    """The namespace with its two pods; yields the server's address."""
    server = pod("server", NAMESPACE, pod_spec(), labels={"role": "server"})
    spec = with_container(pod_spec(), image=LITELLM_IMAGE.reference(), command=["sleep", "3600"])
    caller = pod("caller", NAMESPACE, {**spec, "terminationGracePeriodSeconds": 0})
    kubectl.run("create", "namespace", NAMESPACE)
    try:
        kubectl.apply([server, caller])
        kubectl.run("wait", "pods", "--all", "--namespace", NAMESPACE, "--for=condition=Ready", "--timeout=120s")
        yield kubectl.run("get", "pod", "server", "--namespace", NAMESPACE, "--output=jsonpath={.status.podIP}")
    finally:
        kubectl.run("delete", "namespace", NAMESPACE, "--wait=true", timeout=300)


@contextmanager
def calling(kubectl: cluster.Kubectl, address: str) -> Generator[Caller]:
    """The caller at work."""
    command = [str(kubectl.binary), f"--kubeconfig={kubectl.kubeconfig}", "exec", "--namespace", NAMESPACE, "caller"]
    command += ["--", "python3", "-I", "-S", "-c", TRIES, address, str(PORT), str(TRY_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        caller = Caller(process)
        reader = threading.Thread(target=caller.read, daemon=True)
        reader.start()
        try:
            yield caller
        finally:
            process.terminate()
            reader.join(timeout=10)


def closings(kubectl: cluster.Kubectl, caller: Caller, rounds: int) -> dict[str, list[float]]:
    """Seconds until packets obey, for each round: when the policy comes, and when it goes."""
    policy = json.dumps(CLOSED)
    found: dict[str, list[float]] = {"applied": [], "deleted": []}
    caller.seconds_until(True, time.time())
    for _ in range(rounds):
        kubectl.run("apply", "--filename=-", given=policy)
        found["applied"].append(caller.seconds_until(False, time.time()))
        kubectl.run("delete", "--filename=-", given=policy)
        found["deleted"].append(caller.seconds_until(True, time.time()))
    return found


def main() -> None:
    """Print one line for each direction."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    kubectl = cluster.kubectl()
    with place(kubectl) as address, calling(kubectl, address) as caller:
        found = closings(kubectl, caller, rounds)
    print(f"a NetworkPolicy on pods that are there, {rounds} rounds, tried every {TRY_SECONDS * 1000:.0f} ms or faster")
    print(f"{'':<10}{'p50, ms':>9}{'p95, ms':>9}{'max, ms':>9}")
    for change, seconds in found.items():
        columns = "".join(f"{1000 * percentile(seconds, percent):>9.0f}" for percent in (50, 95, 100))
        print(f"{change:<10}{columns}")


if __name__ == "__main__":
    main()
