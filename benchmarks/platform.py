"""What the benchmarks of a running platform read from it: keys, prices, memory, start times."""

import base64
import json
import os
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import yaml

from lab import cluster
from lab.engine.runner import Engine
from lab.quickstart.cluster_access import ClusterAccess

PROJECT = Path(__file__).resolve().parents[1]
STACK = "local"
GATEWAY = "bulkhead-gateway"


def deployed_keys() -> Mapping[str, str]:
    """Tenant's name → virtual key, of what `./quickstart` deployed; not to be printed."""
    engine = Engine(PROJECT, STACK, context=cluster.CONTEXT)
    return cast("Mapping[str, str]", engine.outputs(show_secrets=True)["tenant_keys"])


def prices(model: str) -> tuple[Decimal, Decimal]:
    """US dollars for a million tokens of a model, in and out, as the committed stack file has them."""
    document = yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8"))
    (price,) = [entry["price"] for entry in document["config"]["bulkhead:models"] if entry["name"] == model]
    keys = ("input_usd_per_million_tokens", "output_usd_per_million_tokens")
    return cast("tuple[Decimal, Decimal]", tuple(Decimal(str(price[key])) for key in keys))


def secret_value(kubectl: cluster.Kubectl, name: str, key: str) -> str:
    """One value of a Secret beside the gateway; not to be printed."""
    found = json.loads(kubectl.run("get", "secret", name, "--namespace", GATEWAY, "--output=json"))
    return base64.b64decode(found["data"][key]).decode()


def access_to(found: cluster.Cluster) -> ClusterAccess:
    """The lab's cluster through its own kubectl, as whoever runs the benchmark."""
    path = f"{found.kubectl.parent}{os.pathsep}{os.environ['PATH']}"
    return ClusterAccess(found.context, {**os.environ, "KUBECONFIG": str(found.kubeconfig), "PATH": path})


def memory(kubectl: cluster.Kubectl) -> dict[tuple[str, str], float]:
    """(namespace/pod, container) → MiB of its working set, as the kubelet counts it for evictions."""
    path = f"/api/v1/nodes/{cluster.NODE_NAME}/proxy/stats/summary"
    pods: list[dict[str, Any]] = json.loads(kubectl.run("get", "--raw", path))["pods"]
    return {
        (f"{pod['podRef']['namespace']}/{pod['podRef']['name']}", container["name"]): container["memory"][
            "workingSetBytes"
        ]
        / 2**20
        for pod in pods
        for container in pod.get("containers", [])
        if "workingSetBytes" in container.get("memory", {})
    }


def start_seconds(pod: Mapping[str, Any]) -> float:
    """From a pod's creation until it was ready."""
    ready = next(entry for entry in pod["status"]["conditions"] if entry["type"] == "Ready")
    return (_time(ready["lastTransitionTime"]) - _time(pod["metadata"]["creationTimestamp"])).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
