"""What Kueue has decided on the lab's jobs."""

import json
import time

from lab.cluster import Kubectl


def quota_decision(kubectl: Kubectl, namespace: str, job: str, awaited: str, seconds: float = 90) -> str:
    """Whether a job holds quota ("True", "False", or "" while Kueue has not looked at it yet).

    Returned as soon as it is what is awaited, and otherwise after this many seconds.
    """
    deadline = time.monotonic() + seconds
    while (found := _decided(kubectl, namespace, job)) != awaited and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def _decided(kubectl: Kubectl, namespace: str, job: str) -> str:
    items = json.loads(kubectl.run("get", "workloads", "--namespace", namespace, "--output=json"))["items"]
    for workload in items:
        if any(owner["name"] == job for owner in workload["metadata"].get("ownerReferences", [])):
            conditions = {entry["type"]: entry["status"] for entry in workload.get("status", {}).get("conditions", [])}
            return str(conditions.get("QuotaReserved", ""))
    return ""
