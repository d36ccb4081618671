"""Which changes cannot be made in place, so that the engine plans a replacement.

The table is the real provider's (`provider/pkg/provider/force_new.go` of pulumi-kubernetes 4.34), with one
difference: a volume claim is never replaced, since that would delete the volume and what is on it. What
is not in the table the API server judges, and its refusal is shown by the preview.
"""

from collections.abc import Mapping
from typing import Any, Final

from lab.engine.differences import Difference
from lab.engine.kubernetes.objects import AUTONAMED, annotations, mapping

ALWAYS: Final = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
DATA: Final = ("data", "binaryData", "stringData")
MUTABLE_POD_SPEC: Final = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
NEVER_REPLACED: Final = "PersistentVolumeClaim"

IMMUTABLE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("apps/v1", "Deployment"): ("spec.selector",),
    ("apps/v1", "DaemonSet"): ("spec.selector",),
    ("apps/v1", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch/v1", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    ("v1", "ConfigMap"): DATA,
    ("v1", "Secret"): ("type", *DATA),
    ("v1", "Service"): ("spec.clusterIP",),
    ("v1", "ResourceQuota"): ("spec.scopes",),
}


def forces_replacement(obj: Mapping[str, Any], difference: Difference) -> bool:
    """Return whether a change of this object (its new inputs) cannot be made in place."""
    path = _dotted(difference)
    kind = (str(obj.get("apiVersion")), str(obj.get("kind")))
    if kind == ("v1", "Pod") and path.startswith("spec."):
        return not _under(path, tuple(f"spec.{field}" for field in MUTABLE_POD_SPEC))
    return _under(path, (*ALWAYS, *IMMUTABLE.get(kind, ())))


def replaces_a_volume(obj: Mapping[str, Any]) -> bool:
    """Return whether the object is one whose replacement would delete stored data."""
    return obj.get("kind") == NEVER_REPLACED


def deletes_first(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether a replacement must delete first: both would bear the same fixed name."""
    before, after = mapping(old.get("metadata")), mapping(new.get("metadata"))
    same = all(before.get(key) == after.get(key) for key in ("name", "namespace"))
    return same and annotations(new).get(AUTONAMED) != "true"


def _dotted(difference: Difference) -> str:
    return ".".join(str(step) for step in difference.steps)


def _under(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}.") for root in roots)
