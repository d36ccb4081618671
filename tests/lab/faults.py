"""Faults injected into the running platform: killed containers, restarted parts of the lab, a full disk."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lab import cluster
from lab.cluster.commands import run
from tests.lab.platform import GATEWAY, pods

RECOVERY_SECONDS = 420.0
"""How long anything may take to come back by itself; the engine loads a model, the gateway its libraries."""
ENDING_SECONDS = 900
"""How long a gateway replica may take to finish what is under way."""
CONTAINER_PREFIX = "containerd://"


@dataclass(frozen=True)
class Container:
    """A running container of the lab's node, and its processes on this host.

    Attributes:
        pod: The pod's name.
        name: The container's name in the pod.
        identifier: The container runtime's own; a restart gives another.
        restarts: How often it was started again.
        ready: Whether its readiness probe holds.
    """

    pod: str
    name: str
    identifier: str
    restarts: int
    ready: bool

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids, on this host, of what runs in it."""
        return tuple(
            int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit() and self._holds(folder)
        )

    def kill(self) -> None:
        """End all of its processes with SIGKILL, as a crash or the kernel's memory guard would."""
        found = self.processes
        assert found, f"nothing runs in the container {self.name} of {self.pod}"
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _holds(self, folder: Path) -> bool:
        try:
            return self.identifier in (folder / "cgroup").read_text()
        except OSError:
            return False


def containers(kubectl: cluster.Kubectl, namespace: str, selector: str, name: str) -> list[Container]:
    """Every started container of this name in the pods that `selector` selects; init containers as well."""
    found = cast("list[dict[str, Any]]", kubectl.items("pods", "--namespace", namespace, "--selector", selector))
    return [
        Container(
            pod["metadata"]["name"],
            name,
            status["containerID"].removeprefix(CONTAINER_PREFIX),
            status["restartCount"],
            status["ready"],
        )
        for pod in found
        if "deletionTimestamp" not in pod["metadata"]
        for kind in ("containerStatuses", "initContainerStatuses")
        for status in pod["status"].get(kind, [])
        if status["name"] == name and "running" in status["state"]
    ]


def wait_until(condition: Callable[[], object], what: str, seconds: float = RECOVERY_SECONDS) -> float:
    """Wait until something holds, and return how many seconds that took.

    Raises:
        AssertionError: When it does not come about; says what was waited for.
    """
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.25)
    return time.monotonic() - start


def wait_ready(kubectl: cluster.Kubectl, namespace: str, resource: str) -> None:
    """Wait until a rollout is complete: all replicas of a Deployment or StatefulSet new and ready."""
    limit = f"--timeout={RECOVERY_SECONDS:.0f}s"
    kubectl.run("rollout", "status", resource, "--namespace", namespace, limit, timeout=RECOVERY_SECONDS + 30)


def wait_restarted(kubectl: cluster.Kubectl, namespace: str, selector: str, killed: Container) -> None:
    """Wait until another container serves in a killed one's place: that it was killed, and is back by itself.

    Raises:
        AssertionError: When none does in time, as when nothing was killed.
    """

    def is_back() -> bool:
        return any(
            one.pod == killed.pod and one.restarts > killed.restarts and one.ready
            for one in containers(kubectl, namespace, selector, killed.name)
        )

    wait_until(is_back, f"{killed.name} of {killed.pod} serves again")


def wait_for_successor(kubectl: cluster.Kubectl, namespace: str, selector: str, gone: Container) -> None:
    """Wait until the same container serves in another pod than a deleted one.

    Raises:
        AssertionError: When none does in time.
    """

    def is_replaced() -> bool:
        return any(one.pod != gone.pod and one.ready for one in containers(kubectl, namespace, selector, gone.name))

    wait_until(is_replaced, f"another pod than {gone.pod} serves")


def wait_gone(kubectl: cluster.Kubectl, namespace: str, names: Collection[str], seconds: float) -> None:
    """Wait until none of these pods exists any more, not even as one that is being ended.

    Raises:
        AssertionError: When one is there for longer than this.
    """

    def are_gone() -> bool:
        there = kubectl.run("get", "pods", "--namespace", namespace, "--output=name").split()
        return not {f"pod/{name}" for name in names} & set(there)

    wait_until(are_gone, f"the end of {', '.join(names)}", seconds)


def wait_old_replicas_gone(kubectl: cluster.Kubectl) -> None:
    """Wait until no replica of the gateway is being ended: a port could still be forwarded to it.

    Raises:
        AssertionError: When one takes longer than it may.
    """

    def are_ending() -> bool:
        selector = "--selector=app.kubernetes.io/name=gateway"
        listed = json.loads(kubectl.run("get", "pods", "--namespace", GATEWAY, selector, "--output=json"))
        return any("deletionTimestamp" in item["metadata"] for item in listed["items"])

    wait_until(lambda: not are_ending(), "the end of the gateway's old replicas", ENDING_SECONDS)


def rolled(kubectl: cluster.Kubectl, namespace: str, resource: str, selector: str) -> list[str]:
    """Replace each pod of a Deployment by another one, and return those that there were; they may still be ending."""
    before = pods(kubectl, namespace, selector)
    kubectl.run("rollout", "restart", resource, "--namespace", namespace)
    wait_ready(kubectl, namespace, resource)
    assert not set(before) & set(pods(kubectl, namespace, selector)), "a pod was not replaced"
    return before


def restart_part(name: str) -> None:
    """Kill one of the lab's own processes, and start it again.

    Raises:
        AssertionError: When it does not run, or does not run again as another process.
    """
    killed = _process(name)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{killed}/cmdline").exists() or not _command(killed), "the end")
    cluster.up()
    assert _process(name) != killed, f"{name} was not started again"


def _process(name: str) -> int:
    (part,) = [part for part in cluster.status().parts if part.name == name]
    assert part.pid, f"{name} does not run"
    return part.pid


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


@contextmanager
def scaled_to_zero(kubectl: cluster.Kubectl, namespace: str, resource: str, replicas: int = 1) -> Generator[None]:
    """Take something away while the context lasts, and wait until it is back."""
    kubectl.run("scale", resource, "--namespace", namespace, "--replicas=0")
    try:
        kubectl.run("rollout", "status", resource, "--namespace", namespace, "--timeout=120s", timeout=150)
        yield
    finally:
        kubectl.run("scale", resource, "--namespace", namespace, f"--replicas={replicas}")
        wait_ready(kubectl, namespace, resource)


@contextmanager
def small_volume(kubectl: cluster.Kubectl, namespace: str, claim: str, mebibytes: int) -> Generator[Path]:
    """Put a claim's data on a file system of this size; nothing may use the claim when the context begins or ends.

    Yields:
        The folder on this host.
    """
    spec = json.loads(kubectl.run("get", "persistentvolumeclaim", claim, "--namespace", namespace, "--output=json"))
    volume = json.loads(kubectl.run("get", "persistentvolume", spec["spec"]["volumeName"], "--output=json"))
    folder = Path(volume["spec"]["local"]["path"])
    aside = folder.with_name(f"{folder.name}-aside")
    shutil.rmtree(aside, ignore_errors=True)
    run(["cp", "--archive", str(folder), str(aside)], doing="Copying a volume")
    options = f"size={mebibytes}M,mode={folder.stat().st_mode & 0o7777:o},uid={folder.stat().st_uid},"
    options += f"gid={folder.stat().st_gid}"
    run(["mount", "-t", "tmpfs", "-o", options, "bulkhead-small-volume", str(folder)], doing="Mounting a small volume")
    run(["cp", "--archive", f"{aside}/.", str(folder)], doing="Copying a volume")
    try:
        yield folder
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        run(["cp", "--archive", str(folder), str(aside)], doing="Copying a volume back")
        run(["umount", str(folder)], doing="Unmounting a small volume")
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        run(["cp", "--archive", f"{aside}/.", str(folder)], doing="Copying a volume back")
        shutil.rmtree(aside, ignore_errors=True)
