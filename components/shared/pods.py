"""Pod Security `restricted`, variables and scheduling, as typed inputs for Pulumi's Kubernetes SDK."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pulumi

from infra.blueprint.model import TolerationPart

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import (
        EnvVarArgsDict,
        PodSecurityContextArgsDict,
        SecurityContextArgsDict,
        TolerationArgsDict,
        TopologySpreadConstraintArgsDict,
    )

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


def environment(values: Mapping[str, pulumi.Input[str]]) -> list["EnvVarArgsDict"]:
    """Plain variables, sorted so that their order never makes a difference to a plan."""
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def from_secret(name: str, secret_name: pulumi.Input[str], key: str) -> "EnvVarArgsDict":
    """A variable read from a key of a Secret in the pod's namespace."""
    return {"name": name, "value_from": {"secret_key_ref": {"name": secret_name, "key": key}}}


def spread(pods: Mapping[str, str]) -> list["TopologySpreadConstraintArgsDict"]:
    """Replicas on different nodes and zones where there is a choice; one that fits nowhere else runs all the same.

    Args:
        pods: The labels that tell the workload's pods from all others.
    """
    return [
        {
            "max_skew": 1,
            "topology_key": key,
            "when_unsatisfiable": "ScheduleAnyway",
            "label_selector": {"match_labels": dict(pods)},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def tolerations(parts: Iterable[TolerationPart]) -> list["TolerationArgsDict"]:
    """Tolerations as Kubernetes reads them, sorted so that their order never makes a difference to a plan."""
    return [
        {"key": part.key, "operator": "Equal", "value": part.value, "effect": part.effect}
        if part.value is not None
        else {"key": part.key, "operator": "Exists", "effect": part.effect}
        for part in sorted(parts, key=lambda part: (part.key, part.value or "", part.effect))
    ]
