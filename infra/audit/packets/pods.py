"""Probe pods: as restricted as the platform's own, and never ready, so that no Service sends them anything."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.audit.packets.places import Position

_SCRIPT = Path(__file__).parent / "probe.py"
_NEVER_READY = [{"conditionType": "bulkhead.dev/never-serves"}]


@cache
def _script() -> str:
    return _SCRIPT.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Errand:
    """What a probe pod is for.

    Attributes:
        name: The pod's name.
        mode: `serve` or `call`.
        plan: What the probe is told.
        seconds: After which Kubernetes ends it even if nobody is left to remove it.
    """

    name: str
    mode: str
    plan: Mapping[str, Any]
    seconds: int


def probe_pod(errand: Errand, position: Position, image: str) -> dict[str, Any]:
    """A pod that stands where `position` says and runs the probe.

    Args:
        errand: What for.
        position: Its namespace and its labels.
        image: An image with Python; the gateway's own is on the nodes already.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": errand.name, "namespace": position.namespace, "labels": dict(position.labels)},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": errand.seconds,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "readinessGates": _NEVER_READY,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "probe",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-I", "-S", "-c", _script(), errand.mode, json.dumps(errand.plan)],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "1Mi"},
                        "limits": {"cpu": "500m", "memory": "128Mi", "ephemeral-storage": "16Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                }
            ],
        },
    }
