"""What Kueue's webhooks leave on a workload before policies see it.

On a cluster they run first, also for a dry run; without one their marks have to be set here, or every policy that looks
for them refuses legitimate work. Source: Kueue 0.19's webhooks, as seen on a running cluster.
"""

from collections.abc import Mapping
from typing import Any

from infra.audit.corpus.loader import merge_patched

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
_GATE = {"name": "kueue.x-k8s.io/admission"}
_HELD = "kueue.x-k8s.io/pod-suspending-parent"
_SUSPENDED = frozenset({"Job", "JobSet", "RayCluster", "RayJob"})
_HELD_BY_POD = frozenset({"Deployment", "StatefulSet"})


def as_kueue_leaves(manifest: Mapping[str, Any], managed: frozenset[str]) -> dict[str, Any]:
    """`manifest` after Kueue's webhooks, which look only at workloads with a queue in a managed namespace.

    Args:
        manifest: An object as it is sent.
        managed: The names of the namespaces that Kueue manages.
    """
    metadata, kind = manifest["metadata"], str(manifest["kind"])
    if metadata.get("namespace") not in managed or not metadata.get("labels", {}).get(QUEUE_LABEL):
        return dict(manifest)
    if kind in _SUSPENDED:
        return merge_patched(dict(manifest), {"spec": {"suspend": True}})
    if kind == "Pod":
        gates = [*manifest["spec"].get("schedulingGates", []), _GATE]
        return merge_patched(dict(manifest), {"spec": {"schedulingGates": gates}})
    if kind in _HELD_BY_POD:
        template = {"metadata": {"annotations": {_HELD: kind.lower()}}}
        return merge_patched(dict(manifest), {"spec": {"template": template}})
    return dict(manifest)
