"""Control group controllers under version 2 of control groups, where a group has only those that its parent hands down.

The rules are those of the kernel's `Documentation/admin-guide/cgroup-v2.rst`. Version 1 has a hierarchy for each
controller and needs none of this.
"""

import contextlib
from pathlib import Path

from lab.errors import LabError

NEEDED = ("cpu", "cpuset", "memory", "hugetlb", "pids")
"""What the kubelet wants to find in the group above its pods, as far as the kernel has it (kubelet 1.36)."""

_AVAILABLE = "cgroup.controllers"
_HANDED_DOWN = "cgroup.subtree_control"


def is_version_2(root: Path) -> bool:
    """Tell whether `root` is the one hierarchy of version 2."""
    return (root / _AVAILABLE).exists()


def handed_down(root: Path) -> list[str] | None:
    """Return the controllers that `root` hands to the groups below it, or None under version 1."""
    return _read(root / _HANDED_DOWN) if is_version_2(root) else None


def hand_down(group: Path) -> None:
    """Hand the needed controllers that `group` has itself to the groups below it.

    Raises:
        LabError: When the kernel refuses; it names the controller and the group.
    """
    enabled = _read(group / _HANDED_DOWN)
    available = _read(group / _AVAILABLE)
    for controller in (name for name in NEEDED if name in available and name not in enabled):
        try:
            (group / _HANDED_DOWN).write_text(f"+{controller}", encoding="ascii")
        except OSError as error:
            raise LabError(
                f"The control group {group} cannot hand the controller {controller} to the lab's pods: "
                f"{error.strerror}. The kubelet cannot start without it. In a container, the processes of its own "
                "top group have to be moved into a group below it first; on a machine, nothing should stand in the way."
            ) from error


def take_back(root: Path, earlier: list[str]) -> None:
    """Stop handing down what `root` did not hand down earlier, unless another group has come to use it.

    The lab's container runtime hands down more than the kubelet needs, so all that is new goes.
    """
    for controller in sorted(set(handed_down(root) or ()) - set(earlier)):
        # The kernel refuses while a group below hands it down in turn.
        with contextlib.suppress(OSError):
            (root / _HANDED_DOWN).write_text(f"-{controller}", encoding="ascii")


def _read(setting: Path) -> list[str]:
    return setting.read_text(encoding="ascii").split()
