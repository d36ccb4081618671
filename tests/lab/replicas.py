"""Gateway replicas of a test's own: copies of the deployed ones, each with one thing changed.

No Service leads to them.
"""

import json
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from lab.cluster import Kubectl
from lab.cluster.network import INSIDE
from tests.lab.faults import wait_until
from tests.lab.packets import NEVER
from tests.lab.platform import GATEWAY, MODEL
from tests.lab.workloads import Manifest, pod

LITELLM = "litellm"
"""The container of LiteLLM, and the edge's."""
EDGE = "edge"
PLACE = ("--namespace", GATEWAY)
ASKING_SECONDS = 60
Change = Callable[[Manifest], None]
"""Changes a replica's pod in place."""


@contextmanager
def replicas(kubectl: Kubectl, changes: Mapping[str, Change]) -> Generator[None]:
    """Pods by these names, as the gateway's Deployment makes them but for what changes; gone afterwards.

    They ask for next to no share of the processors, of which the lab's node has few to promise.
    """
    template = json.loads(kubectl.run("get", "deployment", "gateway", *PLACE, "--output=json"))["spec"]["template"]
    try:
        kubectl.apply([_replica(template, name, change) for name, change in changes.items()])
        yield
    finally:
        kubectl.run("delete", "pod", *changes, *PLACE, "--ignore-not-found", timeout=120)


def _replica(template: Manifest, name: str, change: Change) -> Manifest:
    found: Manifest = json.loads(json.dumps(template))
    spec: Manifest = {**found["spec"], "readinessGates": [NEVER], "terminationGracePeriodSeconds": 0}
    for one in (*spec["containers"], *spec["initContainers"]):
        one["resources"] = {**one.get("resources", {}), "requests": {"cpu": "10m", "memory": "64Mi"}}
        # Its wait for those who still have its address would be longer than the time that this pod has to end.
        one.pop("lifecycle", None)
    made = pod(name, GATEWAY, spec, labels={**found["metadata"]["labels"], "test": name})
    change(made)
    return made


def litellm_of(replica: Manifest) -> Manifest:
    """LiteLLM's container in a replica's pod."""
    return next(one for one in replica["spec"]["initContainers"] if one["name"] == LITELLM)


def volume_of(replica: Manifest, name: str) -> Manifest:
    """A volume of a replica's pod."""
    return next(one for one in replica["spec"]["volumes"] if one["name"] == name)


def set_variable(replica: Manifest, name: str, value: str | None) -> None:
    """Give LiteLLM another value of a variable that it has, or take it away."""
    container = litellm_of(replica)
    others = [one for one in container["env"] if one["name"] != name]
    assert len(others) == len(container["env"]) - 1, f"the replica has no variable {name}"
    container["env"] = others if value is None else [*others, {"name": name, "value": value}]


def container_status(kubectl: Kubectl, name: str, container: str) -> dict[str, Any]:
    """What the kubelet says of a container of a pod; nothing while it says nothing."""
    status: Manifest = json.loads(kubectl.run("get", "pod", name, *PLACE, "--output=json"))["status"]
    found = (one for kind in ("initContainerStatuses", "containerStatuses") for one in status.get(kind, []))
    nothing: dict[str, Any] = {}
    return next((one for one in found if one["name"] == container), nothing)


def wait_ended(kubectl: Kubectl, name: str) -> tuple[int, str]:
    """The exit status and the log of a LiteLLM that has ended by itself, once it has."""

    def ended() -> dict[str, Any]:
        return container_status(kubectl, name, LITELLM).get("lastState", {}).get("terminated", {})

    wait_until(ended, f"the end of LiteLLM in {name}")
    return int(ended()["exitCode"]), kubectl.run("logs", name, *PLACE, f"--container={LITELLM}", "--previous")


def wait_serving(kubectl: Kubectl, name: str, seconds: float) -> None:
    """Wait until all containers of a replica are ready, which no Service learns of."""
    condition = ("--for=condition=ContainersReady", f"--timeout={seconds:.0f}s")
    kubectl.run("wait", "pod", name, *PLACE, *condition, timeout=seconds + 30)


def address_of_replica(kubectl: Kubectl, name: str) -> str:
    """A replica's own address."""
    return kubectl.run("get", "pod", name, *PLACE, "--output=jsonpath={.status.podIP}").strip()


def status_at(address: str, key: str) -> int:
    """The status of a chat completion that is asked of a replica itself, from its node; 0 where nobody answers."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
    # By a file that is none: the key must not stand in a process' arguments.
    settings = (
        f'url = "http://{address}:4000/v1/chat/completions"\nheader = "Authorization: Bearer {key}"\n'
        f'header = "Content-Type: application/json"\ndata = {json.dumps(json.dumps(body))}\n'
    )
    asked = ("--silent", "--max-time", str(ASKING_SECONDS), "--output", "/dev/null", "--write-out", "%{http_code}")
    done = subprocess.run(
        [*INSIDE, "curl", *asked, "--config", "-"],
        input=settings,
        capture_output=True,
        text=True,
        timeout=ASKING_SECONDS + 30,
        check=False,
    )
    return int(done.stdout)
