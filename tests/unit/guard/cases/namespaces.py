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
    "version": f"{ENFORCE}-version",
    "warn": "pod-security.kubernetes.io/warn",
    "control": "bulkhead.dev/control",
    "tenant": "bulkhead.dev/tenant",
    "kueue": "bulkhead.dev/kueue",
}


def quota_of_research() -> dict[str, Any]:
    (space,) = (one for one in everything().blueprint.tenant_spaces if one.tenant == "research")
    assert space.limits is not None
    return dict(space.limits.hard)


def own_namespace(*, without: str = "", **labels: str) -> GuardedResource:
    """A tenant's own, as the program makes it, with some labels changed or one left out."""
    part = everything().namespaces[RESEARCH]
    own = {"enforce": "restricted", "version": part.pod_security_version, "tenant": "research", "kueue": "managed"}
    said = {key: value for key, value in {**own, "control": "NS1", **labels}.items() if key != without}
    return namespace(RESEARCH, by=SPACE_PATH, **said)


def gateway_namespace(**labels: str) -> GuardedResource:
    version = everything().namespaces["bulkhead-gateway"].pod_security_version
    by = "bulkhead:namespaces:Namespaces$"
    return namespace("bulkhead-gateway", by=by, enforce="restricted", version=version, **labels)


DEFAULTS: dict[str, Any] = {
    "type": "Container",
    "defaultRequest": {"cpu": "100m", "ephemeral-storage": "1Gi", "memory": "256Mi"},
    "default": {"memory": "1Gi"},
}


def volumes(storage: str = "") -> dict[str, Any]:
    """The largest volume claim; by itself the stack file's."""
    own = quota_of_research()["requests.storage"]
    return {"type": "PersistentVolumeClaim", "max": {"storage": storage or own}}


def limit_range(*limits: dict[str, Any], **spec: Any) -> GuardedResource:
    return thing("core/v1:LimitRange", "tenant", RESEARCH, by=SPACE_PATH, spec={"limits": list(limits), **spec})


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
            own_namespace(),
            own_namespace(warn="restricted"),
            gateway_namespace(),
            namespace("web", enforce="baseline"),
        ),
        refused=(
            namespace(RESEARCH, enforce="restricted"),
            own_namespace(enforce="baseline"),
            own_namespace(version="v1.20"),
            own_namespace(tenant="support"),
            own_namespace(kueue="unmanaged"),
            gateway_namespace(tenant="research"),
            gateway_namespace(kueue="managed"),
            namespace(RESEARCH, kind="core/v1:NamespacePatch", enforce="privileged"),
            namespace("bulkhead-engines", kind="core/v1:NamespacePatch", kueue="unmanaged"),
        ),
        silent=(namespace("web", enforce="restricted"),),
        lacking=tuple(own_namespace(without=label) for label in ("enforce", "version", "tenant", "kueue", "control")),
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
            limit_range(DEFAULTS, volumes()),
        ),
        refused=(
            thing(QUOTA, "tenant", RESEARCH, by=SPACE_PATH, spec={"hard": {**quota_of_research(), "pods": "9999"}}),
            thing(QUOTA, "more", RESEARCH, spec={"hard": {"pods": "9"}}),
            thing("core/v1:ResourceQuotaPatch", "tenant", RESEARCH, spec={"hard": {"pods": "9999"}}),
            thing("core/v1:LimitRangePatch", "tenant", RESEARCH, spec={"limits": []}),
            limit_range(DEFAULTS, volumes("9Pi")),
            limit_range({**DEFAULTS, "default": {"memory": "9Ti"}}, volumes()),
            limit_range({**DEFAULTS, "max": {"memory": "9Ti"}}, volumes()),
            thing(
                QUOTA, "tenant", RESEARCH, by=SPACE_PATH, spec={"hard": quota_of_research(), "scopes": ["BestEffort"]}
            ),
        ),
        silent=(thing(QUOTA, "web"),),
        lacking=(
            thing(QUOTA, "tenant", RESEARCH, by=SPACE_PATH, spec={}),
            thing(QUOTA, "tenant", RESEARCH, by=SPACE_PATH),
            limit_range(),
            limit_range(DEFAULTS),
            limit_range(volumes()),
        ),
    ),
}
