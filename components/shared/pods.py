"""Pod Security `restricted` and scheduling, as typed inputs for Pulumi's Kubernetes SDK."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from infra.blueprint.model import TolerationPart

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import PodSecurityContextArgsDict, SecurityContextArgsDict, TolerationArgsDict

NON_ROOT_ID = 10001
"""User and group of the serving containers: no user of a usual image or host, and above 10,000 as scanners ask."""


def restricted_pod_security_context(user_id: int = NON_ROOT_ID, volumes: bool = False) -> "PodSecurityContextArgsDict":
    """A pod's side of Pod Security `restricted`: a fixed user that is not root, and the runtime's seccomp profile.

    Args:
        user_id: User and group of every container.
        volumes: Whether persistent volumes have to be writable by the group. Kubernetes then changes their owner only
            where the root of the volume has another: PostgreSQL refuses a data folder that is group-writable, which a
            change on every mount would make it.
    """
    context: PodSecurityContextArgsDict = {
        "run_as_non_root": True,
        "run_as_user": user_id,
        "run_as_group": user_id,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }
    if volumes:
        context["fs_group"] = user_id
        context["fs_group_change_policy"] = "OnRootMismatch"
    return context


def restricted_container_security_context() -> "SecurityContextArgsDict":
    """A container's side of Pod Security `restricted`, with a read-only root file system on top."""
    return {
        "allow_privilege_escalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "read_only_root_filesystem": True,
    }


def tolerations(parts: Iterable[TolerationPart]) -> list["TolerationArgsDict"]:
    """Tolerations as Kubernetes reads them, sorted so that their order never makes a difference to a plan."""
    return [
        {"key": part.key, "operator": "Equal", "value": part.value, "effect": part.effect}
        if part.value is not None
        else {"key": part.key, "operator": "Exists", "effect": part.effect}
        for part in sorted(parts, key=lambda part: (part.key, part.value or "", part.effect))
    ]
