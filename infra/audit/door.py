"""The temporary right to ask for anything that the corpus asks for.

RBAC answers before admission. To see what admission says of a request that the tenant's role refuses already, the same
request is repeated with one more group, whose name is random and known to this process only.
"""

from infra.audit.leftovers import Leftovers

RULES = (
    {"apiGroups": [""], "resources": ["pods", "replicationcontrollers", "services", "configmaps", "secrets"]},
    {"apiGroups": [""], "resources": ["persistentvolumeclaims", "pods/ephemeralcontainers", "pods/binding"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "replicasets", "daemonsets"]},
    {"apiGroups": ["apps"], "resources": ["deployments/scale", "statefulsets/scale", "replicasets/scale"]},
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"]},
    {"apiGroups": ["jobset.x-k8s.io"], "resources": ["jobsets"]},
    {"apiGroups": ["leaderworkerset.x-k8s.io"], "resources": ["leaderworkersets"]},
    {"apiGroups": ["ray.io"], "resources": ["rayclusters", "rayjobs", "rayservices"]},
    {"apiGroups": ["resource.k8s.io"], "resources": ["resourceclaims", "resourceclaimtemplates"]},
    {"apiGroups": ["cloud.google.com"], "resources": ["computeclasses"]},
)
"""Kinds of workloads only: nothing here can grant rights, and the audit only ever asks for dry runs with it."""
VERBS = ("create", "patch", "delete")


_API = "rbac.authorization.k8s.io"
MADE = ((f"{_API}/v1", "ClusterRole"), (f"{_API}/v1", "ClusterRoleBinding"))
"""(API version, kind) of what the door is made of."""


def door_group(leftovers: Leftovers) -> str:
    """The group's name."""
    return f"bulkhead-audit:{leftovers.run}"


def open_door(leftovers: Leftovers) -> str:
    """Make the role and its binding; returns the group that holds it. Goes with the rest of what the audit makes."""
    name = f"bulkhead-audit-{leftovers.run}"
    group = door_group(leftovers)
    rules = [{**rule, "verbs": list(VERBS)} for rule in RULES]
    metadata = {"name": name}
    leftovers.make({"apiVersion": f"{_API}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules})
    leftovers.make(
        {
            "apiVersion": f"{_API}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _API, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": _API, "kind": "Group", "name": group}],
        }
    )
    return group
