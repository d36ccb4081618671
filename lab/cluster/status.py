"""How each part of the lab is at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypedDict, cast

from lab import paths
from lab.cluster import network
from lab.cluster.addresses import NODE_NAME
from lab.cluster.lifecycle import kubectl, parts
from lab.cluster.parts import Part, is_ready, running
from lab.cluster.processes import Process, lab_processes
from lab.cluster.simulated_nodes import SIMULATED_NODES
from lab.errors import LabError


class State(StrEnum):
    """What a part can be."""

    READY = "ready"
    NOT_READY = "not ready"
    STOPPED = "stopped"


@dataclass(frozen=True)
class PartStatus:
    """One part.

    Attributes:
        name: The part.
        state: How it is.
        pid: Its process, for parts that are one.
        memory_mib: That process's resident memory in MiB.
        detail: What else there is to say.
    """

    name: str
    state: State
    pid: int | None = None
    memory_mib: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class LabStatus:
    """The whole lab.

    Attributes:
        up: Whether every part is ready.
        parts: Each part.
    """

    up: bool
    parts: tuple[PartStatus, ...]


def status() -> LabStatus:
    """Look at every part of the lab; changes nothing and never fails because a part does."""
    processes = lab_processes()
    looked = [_process_status(part, processes) for part in parts(paths.state_directory(), Path())]
    api_is_up = any(part.name == "kube-apiserver" and part.state is State.READY for part in looked)
    everything = [_network_status(), *looked, *(_objects() if api_is_up else _objects_unknown())]
    return LabStatus(all(part.state is State.READY for part in everything), tuple(everything))


def _network_status() -> PartStatus:
    complete = paths.state_directory().exists() and network.is_complete()
    return PartStatus("network", State.READY if complete else State.STOPPED, detail=network.NETWORK_NAMESPACE)


def _process_status(part: Part, processes: list[Process]) -> PartStatus:
    process = running(part, processes)
    if process is None:
        return PartStatus(part.name, State.STOPPED, detail=f"log: {part.log}" if part.log.exists() else "")
    state = State.READY if is_ready(part) else State.NOT_READY
    return PartStatus(part.name, state, process.pid, process.memory_mib)


class _Condition(TypedDict):
    type: str
    status: str


class _Status(TypedDict, total=False):
    conditions: list[_Condition]


class _Metadata(TypedDict):
    name: str


class _Object(TypedDict):
    metadata: _Metadata
    status: _Status


def _objects() -> Iterable[PartStatus]:
    try:
        nodes = {node["metadata"]["name"]: node for node in cast("list[_Object]", kubectl().items("nodes"))}
        deployments = cast("list[_Object]", kubectl().items("deployments", "--namespace=kube-system"))
    except LabError as error:
        return [PartStatus("cluster", State.NOT_READY, detail=str(error))]
    found = [_object_status(f"node {name}", nodes.get(name), "Ready") for name in (NODE_NAME, *SIMULATED_NODES)]
    dns = next((entry for entry in deployments if entry["metadata"]["name"] == "coredns"), None)
    return [*found, _object_status("dns", dns, "Available")]


def _objects_unknown() -> Iterable[PartStatus]:
    return [PartStatus("cluster", State.STOPPED, detail="the API server does not answer")]


def _object_status(name: str, found: _Object | None, condition: str) -> PartStatus:
    if found is None:
        return PartStatus(name, State.STOPPED, detail="not in the cluster")
    conditions = found["status"].get("conditions", [])
    fulfilled = any(entry["type"] == condition and entry["status"] == "True" for entry in conditions)
    return PartStatus(name, State.READY if fulfilled else State.NOT_READY)
