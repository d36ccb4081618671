"""What a lab could leave on its host, seen from outside the lab's own code."""

import json
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

from lab.cluster.addresses import RUNTIME_DIRECTORY
from lab.paths import state_directory

_SETTINGS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
_PLACES = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/var/log/pods", "/opt/containerd")
_OURS = ("bulkhead", "kubelet", "containerd", "netns")


@dataclass(frozen=True)
class HostTraces:
    """The host's processes, mounts, networks, control groups and settings, as far as a lab could change them."""

    processes: frozenset[str]
    mounts: frozenset[str]
    namespaces: frozenset[str]
    interfaces: frozenset[str]
    addresses: frozenset[str]
    cgroups: frozenset[str]
    places: frozenset[str]
    settings: frozenset[str]

    def added_since(self, earlier: "HostTraces") -> dict[str, list[str]]:
        """Return what is there now and was not then, by kind."""
        kinds = [field.name for field in fields(self)]
        added = {kind: sorted(getattr(self, kind) - getattr(earlier, kind)) for kind in kinds}
        return {kind: entries for kind, entries in added.items() if entries}


def observe_host() -> HostTraces:
    """Look at the host."""
    mounts = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    links = json.loads(_output("ip", "-j", "address", "show"))
    commands = _output("ps", "-eo", "args=").splitlines()
    ours = (str(state_directory()), str(RUNTIME_DIRECTORY), "/pause", "/coredns", "/manager", "/probe")
    return HostTraces(
        processes=frozenset(command for command in commands if any(word in command for word in ours)),
        mounts=frozenset(mount for mount in mounts if any(word in mount for word in _OURS)),
        namespaces=frozenset(_output("ip", "netns", "list").splitlines()),
        interfaces=frozenset(link["ifname"] for link in links),
        addresses=frozenset(address["local"] for link in links for address in link["addr_info"]),
        cgroups=frozenset(str(path) for pattern in ("*", "*/*") for path in Path("/sys/fs/cgroup").glob(pattern)),
        places=frozenset(place for place in _PLACES if Path(place).exists()),
        settings=frozenset(f"{name}={(Path('/proc/sys') / name).read_text().strip()}" for name in _SETTINGS),
    )


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
