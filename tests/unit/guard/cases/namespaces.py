"""Cases of the rules over namespaces and what a tenant's own holds."""

from typing import Any

from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import RESEARCH, everything, thing

SPACE_PATH = "bulkhead:tenant:TenantSpace$"
ENFORCE = "pod-security.kubernetes.io/enforce"
NAMESPACE = "core/v1:Namespace"
QUOTA = "core/v1:ResourceQuota"


def namespace(name: str, *, by: str = "", kind: str = NAMESPACE, **labels: str) -> GuardedResource:
    """A namespace; double underscores in the names of labels stand for what Python's names cannot hold."""
    return thing(kind, name, by=by, labels={_LABELS[key]: value for key, value in labels.items()})


_LABELS = {
    "enforce": ENFORCE,
    "warn": "pod-security.kubernetes.io/warn",
    "tenant": "bulkhead.dev/tenant",
    "kueue": "bulkhead.dev/kueue",
}


def quota_of_research() -> dict[str, Any]:
    (space,) = (one for one in everything().blueprint.tenant_spaces if one.tenant == "research")
    assert space.limits is not None
    return dict(space.limits.hard)


CASES = {
    "namespaces-state-pod-security": Cases(
        passing=(
            namespace("web", enforce="restricted"),
            namespace("web", enforce="baseline"),
            namespace("web", kind="core/v1:NamespacePatch", enforce="restricted"),
        ),
        refused=(
            namespace("web", enforce="privileged"),
            namespace("kube-system", kind="core/v1:NamespacePatch", enforce="privileged"),
        ),
        silent=(namespace("web", kind="core/v1:NamespacePatch"),),
        lacking=(namespace("web"), namespace("web", warn="restricted")),
    ),
    "namespaces-are-the-platforms": Cases(
        passing=(
            namespace(RESEARCH, by=SPACE_PATH, enforce="restricted"),
            namespace("bulkhead-gateway", by="bulkhead:namespaces:Namespaces$", enforce="restricted"),
            namespace("web", enforce="baseline"),
        ),
        refused=(
            namespace(RESEARCH, enforce="restricted"),
            namespace(RESEARCH, by=SPACE_PATH, enforce="baseline"),
            namespace(RESEARCH, kind="core/v1:NamespacePatch", enforce="privileged"),
            namespace("bulkhead-engines", kind="core/v1:NamespacePatch", kueue="unmanaged"),
        ),
        silent=(namespace("web", enforce="restricted"),),
        lacking=(namespace(RESEARCH, by=SPACE_PATH),),
    ),
    "namespaces-belong-to-whom-they-say": Cases(
        passing=(
            namespace("web", enforce="restricted"),
            namespace("web", by=SPACE_PATH, enforce="restricted", tenant="web"),
        ),
        refused=(
            namespace("web", enforce="restricted", tenant="research"),
            namespace("web", enforce="restricted", kueue="managed"),
            namespace("web", kind="core/v1:NamespacePatch", tenant="research"),
        ),
        silent=(namespace("web", kind="core/v1:NamespacePatch"),),
    ),
    "limits-are-the-stack-files": Cases(
        passing=(
            thing(QUOTA, "tenant", RESEARCH, by=SPACE_PATH, spec={"hard": quota_of_research()}),
            thing(QUOTA, "web", "web", spec={"hard": {"pods": "9"}}),
        ),
        refused=(
            thing(QUOTA, "tenant", RESEARCH, by=SPACE_PATH, spec={"hard": {**quota_of_research(), "pods": "9999"}}),
            thing(QUOTA, "more", RESEARCH, spec={"hard": {"pods": "9"}}),
            thing("core/v1:ResourceQuotaPatch", "tenant", RESEARCH, spec={"hard": {"pods": "9999"}}),
            thing("core/v1:LimitRangePatch", "tenant", RESEARCH, spec={"limits": []}),
        ),
        silent=(thing(QUOTA, "web"),),
        lacking=(
            thing(QUOTA, "tenant", RESEARCH, by=SPACE_PATH, spec={}),
            thing(QUOTA, "tenant", RESEARCH, by=SPACE_PATH),
        ),
    ),
}
