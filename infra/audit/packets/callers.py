"""Probe pods on a running cluster: some that answer, and some that call."""

import json
import time
from collections.abc import Mapping
from math import ceil
from typing import Any, cast

from infra.audit.cluster import Cluster
from infra.audit.leftovers import Leftovers
from infra.audit.packets.addresses import PODS, Hosts, Servers
from infra.audit.packets.judgement import Opened, Result
from infra.audit.packets.matrix import Caller, Target
from infra.audit.packets.places import FORBIDDEN, KNOCKER, Ground, Position, stands_at
from infra.audit.packets.pods import Errand, probe_pod
from infra.audit.parallel import WORKERS, at_once
from infra.config.trust import ControlId

START_SECONDS = 180
"""How long a probe pod may take to start: an image may have to be pulled first."""
CALL_SECONDS = 180
"""How long a caller may take; two seconds for each sixteen targets that drop packets, a few times over."""
SETTLE_SECONDS = 2.0
"""What a caller waits before it judges: rules of a new pod land within about 0.1 s, so twenty times that."""
CALLER_LIFETIME_SECONDS = 900
"""More than a caller may take, with somebody who visits it."""
_POLL_SECONDS = 0.5

_SERVE, _CALL, _VISIT = "serve", "call", "visit"
"""What pods are for, and how they are called after it; who visits calls as well."""


def server_lifetime_seconds(servers: int, callers: int, visited: int) -> int:
    """How long servers live: until the last caller has called, if every pod takes all the time that it may.

    Args:
        servers: How many pods answer; as many start at once as there are workers.
        callers: How many call, as many at once.
        visited: How many of those are visited first.
    """
    starts, calls = ceil(servers / WORKERS), ceil(callers / WORKERS)
    visits = visited * (2 * START_SECONDS + CALL_SECONDS)
    return starts * START_SECONDS + calls * (START_SECONDS + CALL_SECONDS) + visits


class ProbePods:
    """The probe pods of one run."""

    def __init__(self, cluster: Cluster, leftovers: Leftovers, ground: Ground, image: str) -> None:
        self._cluster = cluster
        self._leftovers = leftovers
        self._ground = ground
        self._image = image
        probes = [one for one in ground.destinations if one.probe]
        self._places = [one for one in ground.positions if any(stands_at(one, probe) for probe in probes)]
        visited = sum(one.caller is Caller.ENGINE for one in ground.positions)
        self._lifetime = server_lifetime_seconds(len(self._places), len(ground.positions), visited)
        self._standing: dict[str, dict[str, Any]] = {}

    def stand_servers(self) -> Servers:
        """A pod that answers at every position that is called."""
        return dict(zip((one.name for one in self._places), at_once(self._server, self._places), strict=True))

    def call(self, hosts: Hosts, claimed: frozenset[ControlId]) -> Mapping[str, Result]:
        """Let every position try every destination, a few positions at a time.

        A caller is gone when it has finished, so that the number of tenants does not fill the nodes.
        """
        plans = [(position, self._plan(position, hosts, claimed)) for position in self._ground.positions]
        results = at_once(lambda item: self._caller(*item), plans)
        return {position.name: result for (position, _), result in zip(plans, results, strict=True)}

    def ended(self) -> frozenset[str]:
        """The positions whose server does not run any more, or cannot be seen to; a probe pod never starts again."""
        standing = list(self._standing.items())
        phases = at_once(lambda item: self._status(item[1]).get("phase"), standing)
        return frozenset(name for (name, _), phase in zip(standing, phases, strict=True) if phase != "Running")

    def _plan(self, position: Position, hosts: Hosts, claimed: frozenset[ControlId]) -> dict[str, Any]:
        """What a caller is told: whom to try, and for a tenant's pod how to measure the time until it is closed."""
        targets = [
            {"id": one.name, "host": hosts[one.name][0], "port": hosts[one.name][1], "udp": one.udp}
            for one in self._ground.destinations
            if one.name in hosts and self._ground.tries(position, one)
        ]
        plan: dict[str, Any] = {"settle": SETTLE_SECONDS, "targets": targets}
        if position.caller is Caller.TENANT and claimed & {ControlId.NS4, ControlId.SR1}:
            plan["window"] = hosts.get(FORBIDDEN)
        if position.caller is Caller.TENANT and ControlId.NS4 in claimed:
            plan["knocker"] = hosts.get(KNOCKER)
        if position.caller is Caller.ENGINE:
            plan["visited"] = {"port": self._open_port(position), "seconds": START_SECONDS}
        return plan

    def _open_port(self, position: Position) -> int:
        """The port at which a pod with an engine's labels lets the gateway in."""
        served = (one for one in self._ground.destinations if stands_at(position, one))
        return next(one.port for one in served if one.target is Target.ENGINE)

    def _server(self, position: Position) -> tuple[str, bool]:
        ports = {one.port for one in self._ground.destinations if stands_at(position, one)}
        pod = self._start(position, _SERVE, {"ports": sorted(ports), "knock": position.caller is Caller.STRANGER})
        if isinstance(pod, str):
            return "", False
        self._standing[position.name] = pod
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not self._leftovers.closed:
            said = [line for line in self._log(pod).splitlines() if line.startswith("{")]
            # On a busy node a pod speaks before the kubelet has told its address.
            if said and (address := self._status(pod).get("podIP")):
                return str(address), bool(json.loads(said[0])["listening"])
            time.sleep(_POLL_SECONDS)
        return "", False

    def _caller(self, position: Position, plan: dict[str, Any]) -> Result:
        pod = self._start(position, _CALL, plan)
        if isinstance(pod, str):
            return Result({}, {}, pod)
        if "visited" in plan:
            self._visit(pod, position, plan["visited"]["port"])
        found = self._result(pod)
        self._cluster.call("DELETE", _path(pod), {"gracePeriodSeconds": 0})
        return found

    def _visit(self, pod: dict[str, Any], position: Position, port: int) -> None:
        """Let a pod with the gateway's labels call the one at `position`, which tells whether it came."""
        deadline = time.monotonic() + START_SECONDS
        while not (address := self._status(pod).get("podIP")):
            if time.monotonic() > deadline or self._leftovers.closed:
                return
            time.sleep(_POLL_SECONDS)
        gateway = next(one for one in self._ground.positions if one.caller is Caller.GATEWAY)
        target = {"id": "visited", "host": str(address), "port": port}
        # Two that are visited at once need visitors of two names.
        purpose = f"{_VISIT}-{self._ground.positions.index(position)}"
        visitor = self._start(gateway, purpose, {"settle": SETTLE_SECONDS, "targets": [target]})
        if not isinstance(visitor, str):
            self._result(visitor)
            self._cluster.call("DELETE", _path(visitor), {"gracePeriodSeconds": 0})

    def _result(self, pod: dict[str, Any]) -> Result:
        deadline = time.monotonic() + START_SECONDS + CALL_SECONDS
        status: dict[str, Any] = {}
        while time.monotonic() < deadline and not self._leftovers.closed:
            status = self._status(pod)
            if status.get("phase") in {"Succeeded", "Failed"}:
                return _parsed(self._log(pod))
            time.sleep(_POLL_SECONDS)
        return Result({}, {}, f"its probe pod did not finish: {_state(status)}")

    def _start(self, position: Position, purpose: str, plan: dict[str, Any]) -> dict[str, Any] | str:
        """The pod as made, or why it was refused."""
        name = pod_name(self._leftovers.run, purpose, self._ground.positions.index(position), position)
        serves = purpose == _SERVE
        errand = Errand(name, _SERVE if serves else _CALL, plan, self._lifetime if serves else CALLER_LIFETIME_SECONDS)
        made = self._leftovers.make(probe_pod(errand, position, self._image))
        if made.accepted:
            return dict(made.document)
        return f"its probe pod was refused ({made.document.get('message', made.status)})"

    def _status(self, pod: dict[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", self._cluster.call("GET", _path(pod)).document.get("status", {}))

    def _log(self, pod: dict[str, Any]) -> str:
        answer = self._cluster.call("GET", _path(pod, "log"))
        return answer.text if answer.accepted else ""


def pod_name(run: str, purpose: str, index: int, position: Position) -> str:
    """What a probe pod is called: by its position's number, since the names of two may begin alike."""
    return f"bulkhead-audit-{run}-{purpose}-{index}-{position.name.replace(' ', '-')}"[:63].rstrip("-")


def _path(pod: dict[str, Any], subresource: str | None = None) -> str:
    return PODS.path(pod["metadata"]["namespace"], pod["metadata"]["name"], subresource)


def _parsed(log: str) -> Result:
    for line in reversed(log.splitlines()):
        if line.startswith("{"):
            document = cast("dict[str, Any]", json.loads(line))
            windows = {way: Opened(one["milliseconds"], one["ended"]) for way, one in document["windows"].items()}
            return Result(document["reached"], windows, visited=document.get("visited", False))
    return Result({}, {}, f"its probe printed no result: {log[-200:].strip() or 'nothing'}")


def _state(status: Mapping[str, Any]) -> str:
    """Why a pod does not come on."""
    for container in cast("list[dict[str, Any]]", status.get("containerStatuses") or []):
        waiting = cast("dict[str, str]", container["state"].get("waiting") or {})
        if waiting:
            return f"{waiting.get('reason', '')} {waiting.get('message', '')}".strip()
    return str(status.get("phase", "it never started"))
