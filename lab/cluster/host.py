"""What the cluster changes on the host beyond its own state folder, and how all of it is taken back.

The kubelet and containerd have a few fixed places and settings. `Host` records how they were before the first
part starts; `restore` brings them back and touches nothing that was there before.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.cluster import controllers
from lab.cluster.addresses import CGROUP, NETWORK_NAMESPACE, RUNTIME_DIRECTORY
from lab.errors import LabError

_CGROUPS = Path("/sys/fs/cgroup")
_SHARES_OF_A_PROCESS = 1024
_WEIGHT_OF_A_PROCESS = 100
"""What a control group weighs beside single processes, under the versions 1 and 2 (the kernel's documentation)."""

_KERNEL_SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What the kubelet sets for the whole machine (its `protectKernelDefaults` documentation lists them)."""

_FIXED_PLACES = (
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/var/log/containers",
    "/var/log/pods",
    "/opt/containerd",
    "/run/containerd",
    "/run/netns",
)
"""Folders that a part makes wherever its own folder is."""


@dataclass(frozen=True)
class Host:
    """How the host was before the lab.

    Attributes:
        boot: The kernel's id of this boot: after another one, nothing of the lab can be running.
        settings: Kernel settings by their path below /proc/sys.
        missing_places: Those of the fixed places that did not exist.
        controllers: What the top control group handed down, under version 2; None under version 1.
    """

    boot: str
    settings: dict[str, str]
    missing_places: list[str]
    controllers: list[str] | None = None


def observe() -> Host:
    """Record the host as it is."""
    settings = {name: (Path("/proc/sys") / name).read_text(encoding="ascii").strip() for name in _KERNEL_SETTINGS}
    missing = [place for place in _FIXED_PLACES if not Path(place).exists()]
    return Host(boot_id(), settings, missing, controllers.handed_down(_CGROUPS))


def save(host: Host, file: Path) -> None:
    """Write the record, whole or not at all."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(host), indent=1), encoding="utf-8")
    unfinished.replace(file)


def load(file: Path) -> Host | None:
    """Read the record back, or return None when there is none that can be read."""
    try:
        return Host(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def boot_id() -> str:
    """Return the kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def restore(host: Host, state: Path) -> None:
    """Bring the kernel's settings back and remove what the parts left in their fixed places.

    The lab's control groups must be gone: the kernel takes no controller back that a group below uses.
    """
    if host.boot == boot_id():
        for name, value in host.settings.items():
            _set(name, value)
        if host.controllers is not None:
            controllers.take_back(_CGROUPS, host.controllers)
    _remove_traces(state)
    _detach_empty_namespaces_folder(host)
    for place in host.missing_places:
        _remove_if_nothing_but_folders(Path(place))


def create_cgroups() -> None:
    """Make the control group above all pods in every hierarchy; the kubelet wants to find it.

    Raises:
        LabError: When the kernel does not hand the needed controllers down to it.
    """
    if controllers.is_version_2(_CGROUPS):
        (_CGROUPS / CGROUP).mkdir(exist_ok=True)
        controllers.hand_down(_CGROUPS)
        controllers.hand_down(_CGROUPS / CGROUP)
        _weigh_as_a_node(_CGROUPS / CGROUP / "cpu.weight", _WEIGHT_OF_A_PROCESS)
        return
    for hierarchy in _hierarchies():
        group = hierarchy / CGROUP
        group.mkdir(exist_ok=True)
        # A version 1 cpuset starts empty, and nothing can run in it.
        for name in ("cpuset.cpus", "cpuset.mems"):
            setting = group / name
            if setting.exists() and (hierarchy / "cpuset.cpu_exclusive").exists() and not setting.read_text().strip():
                setting.write_text((hierarchy / name).read_text())
        _weigh_as_a_node(group / "cpu.shares", _SHARES_OF_A_PROCESS)


def _weigh_as_a_node(setting: Path, of_a_process: int) -> None:
    """Give all pods together the weight of as many busy processes as there are cores, as a node of their own has.

    Left alone, the group weighs as much as any one process beside it, and on a busy machine every pod starves.
    """
    if setting.exists():
        setting.write_text(str(of_a_process * (os.cpu_count() or 1)))


def kill_containers(patience: float = 10.0) -> None:
    """Kill every process below the lab's control group.

    Raises:
        LabError: When one is still there after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while processes := _contained():
        if time.monotonic() > deadline:
            raise LabError(
                f"These processes of the lab's pods cannot be killed: {sorted(processes)}. Reboot the machine."
            )
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def remove_cgroups() -> None:
    """Remove the lab's control groups, innermost first."""
    for hierarchy in _hierarchies():
        top = hierarchy / CGROUP
        groups = [path for path in top.rglob("*") if path.is_dir()] if top.is_dir() else []
        for group in [*sorted(groups, reverse=True), top]:
            _remove_cgroup(group)


def unmount_below(folder: Path) -> None:
    """Detach every mount below `folder`, innermost first.

    Raises:
        LabError: When one is still there afterwards.
    """
    for mount in reversed(mounts_below(folder)):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
    if left := mounts_below(folder):
        raise LabError(
            f"These mounts of the lab cannot be detached: {', '.join(map(str, left))}. Nothing below them was removed. "
            "Leave those folders in every shell, then run `bulkhead lab down` again."
        )


def mounts_below(folder: Path) -> list[Path]:
    """Return the mounts below `folder`, in the order in which they were made."""
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [Path(_unescape(line.split(" ")[4])) for line in table]
    return [point for point in points if folder in point.parents]


def _unescape(point: str) -> str:
    """Undo mountinfo's octal escapes for space, tab, newline and backslash."""
    for code in ("040", "011", "012", "134"):
        point = point.replace(f"\\{code}", chr(int(code, 8)))
    return point


def _hierarchies() -> list[Path]:
    """Return the mounted control group hierarchies: one under version 2, one per controller under version 1."""
    if controllers.is_version_2(_CGROUPS):
        return [_CGROUPS]
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" ") for line in table]
    return [Path(row[4]) for row in rows if row[row.index("-") + 1] in {"cgroup", "cgroup2"}]


def _contained() -> set[int]:
    found: set[int] = set()
    for hierarchy in _hierarchies():
        for group in (hierarchy / CGROUP).rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(line) for line in group.read_text(encoding="ascii").split())
    return found


def _remove_cgroup(group: Path) -> None:
    # The kernel frees a group a moment after its last process has gone.
    for _ in range(100):
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise LabError(f"The control group {group} cannot be removed: something still runs in it.")


def _set(name: str, value: str) -> None:
    # A container may not be allowed to write it; then no part of the lab could change it either.
    with contextlib.suppress(OSError):
        setting = Path("/proc/sys") / name
        if setting.read_text(encoding="ascii").strip() != value:
            setting.write_text(value, encoding="ascii")


def _remove_traces(state: Path) -> None:
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and state in link.readlink().parents:
            link.unlink()
    _remove_network_results(Path("/var/lib/cni/results"))
    # The kubelet's own registration socket and its checkpoint; a plug-in's socket would have another name.
    for name in ("kubelet.sock", "kubelet_internal_checkpoint"):
        (Path("/var/lib/kubelet/device-plugins") / name).unlink(missing_ok=True)
    shutil.rmtree(RUNTIME_DIRECTORY, ignore_errors=True)


def _remove_network_results(folder: Path) -> None:
    """Remove what the network plug-ins noted of the lab's pods: for each, its own network's and its loopback's."""
    prefix, suffix = f"{NETWORK_NAMESPACE}-", "-eth0"
    for result in folder.glob(f"{prefix}*{suffix}"):
        pod = result.name.removeprefix(prefix).removesuffix(suffix)
        (folder / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink()


def _detach_empty_namespaces_folder(host: Host) -> None:
    """Undo the mount that the first `ip netns add` of a boot puts over its own folder."""
    folder = Path("/run/netns")
    if str(folder) in host.missing_places and folder.is_dir() and not any(folder.iterdir()):
        while folder in mounts_below(folder.parent):
            subprocess.run(["umount", folder], capture_output=True, check=True)


def _remove_if_nothing_but_folders(place: Path) -> None:
    if not place.is_dir() or any(not path.is_dir() or path.is_symlink() for path in place.rglob("*")):
        return
    if mounts_below(place) or place in mounts_below(place.parent):
        return
    shutil.rmtree(place, ignore_errors=True)
