"""Probe pods: as restricted as the platform's own, and never ready, so that no Service sends them anything."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from infra.audit.packets.places import Position

_SCRIPT = Path(__file__).parent / "probe.py"
_NEVER_READY = [{"conditionType": "bulkhead.dev/never-serves"}]
_LIFETIME_SECONDS = 900
"""After which Kubernetes ends a probe pod even if nobody is left to remove it."""


@cache
def _script() -> str:
    return _SCRIPT.read_text(encoding="utf-8")


def probe_pod(name: str, position: Position, image: str, mode: str, plan: dict[str, Any]) -> dict[str, Any]:
    """A pod that stands where `position` says and runs the probe.

    Args:
        name: The pod's name.
        position: Its namespace and its labels.
        image: An image with Python; the gateway's own is on the nodes already.
        mode: `serve` or `call`.
        plan: What the probe is told.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": position.namespace, "labels": dict(position.labels)},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _LIFETIME_SECONDS,
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
                    "command": ["python3", "-I", "-S", "-c", _script(), mode, json.dumps(plan)],
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
