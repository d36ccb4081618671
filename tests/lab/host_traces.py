"""What a lab could leave on its host, seen from outside the lab's own code.

Only what bears the lab's names counts: on a machine in use, other things come and go meanwhile.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, fields
from ipaddress import ip_address, ip_network
from pathlib import Path

from lab.paths import state_directory

_NUMBER = os.environ.get("BULKHEAD_LAB_NUMBER") or "0"
_NAME = "bulkhead-lab" if _NUMBER == "0" else f"bulkhead-lab{_NUMBER}"
_INTERFACE = f"bulkhead-lab{_NUMBER}"
_NETWORK = ip_network(f"198.18.213.{4 * int(_NUMBER)}/30")
_RUNTIME = f"/run/{_NAME}"
_SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
_PLACES = (
    _RUNTIME,
    "/opt/containerd",
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
_PODS_PROGRAMS = ("/pause", "/coredns", "/manager", "/probe")
_CGROUPS = Path("/sys/fs/cgroup")


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
    """Look at the host. Needs `ip`."""
    links = json.loads(_output("ip", "-j", "address", "show"))
    addresses = [address["local"] for link in links for address in link["addr_info"]]
    cgroups = [path for pattern in ("*", "*/*") for path in _CGROUPS.glob(pattern) if path.is_dir()]
    return HostTraces(
        processes=frozenset(" ".join(words) for words in _commands() if _is_ours(words)),
        mounts=frozenset(mount for mount in _mounts() if _is_our_mount(mount)),
        namespaces=frozenset(name for name in _namespaces() if name == _NAME),
        interfaces=frozenset(link["ifname"] for link in links if link["ifname"] == _INTERFACE),
        addresses=frozenset(address for address in addresses if ip_address(address) in _NETWORK),
        cgroups=frozenset(str(path) for path in cgroups if path.name in {_NAME, "kubepods"}),
        places=frozenset(place for place in _PLACES if Path(place).exists()),
        settings=frozenset(_settings()),
    )


def _commands() -> Iterator[list[str]]:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = command.read_bytes().rstrip(b"\0").split(b"\0")
            yield [word.decode(errors="replace") for word in words]


def _is_ours(words: list[str]) -> bool:
    return words[0] in _PODS_PROGRAMS or any(
        place in word for word in words for place in (f"{state_directory()}/", f"{_RUNTIME}/")
    )


def _mounts() -> list[str]:
    return [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]


def _is_our_mount(mount: str) -> bool:
    return mount.startswith((f"{state_directory()}/", f"{_RUNTIME}/")) or mount in {"/run/netns", f"/run/netns/{_NAME}"}


def _namespaces() -> list[str]:
    return [line.split(" ")[0] for line in _output("ip", "netns", "list").splitlines()]


def _settings() -> Iterator[str]:
    for name in _SETTINGS:
        yield f"{name}={(Path('/proc/sys') / name).read_text(encoding='ascii').strip()}"
    handed_down = _CGROUPS / "cgroup.subtree_control"
    if handed_down.exists():
        yield f"controllers={handed_down.read_text(encoding='ascii').strip()}"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
