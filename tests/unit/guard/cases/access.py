"""Cases of the rules over what tenants' subjects may do."""

from collections.abc import Mapping
from typing import Any

from infra.blueprint.tenant_spaces import ACCESS_RULES
from infra.guard import GuardedResource
from tests.unit.guard.cases import Cases
from tests.unit.guard.stack import OF_RESEARCH, PIPELINE, RBAC, RESEARCH, SUPPORT, thing

SPACE_PATH = "bulkhead:tenant:TenantSpace$"
ADMINISTRATORS = {"kind": "Group", "name": "admins@example.com"}
RULES = [
    {"apiGroups": list(rule.api_groups), "resources": list(rule.resources), "verbs": list(rule.verbs)}
    for rule in ACCESS_RULES
]


def cluster_wide(*subjects: Mapping[str, str], kind: str = "ClusterRoleBinding") -> GuardedResource:
    return thing(f"{RBAC}:{kind}", subjects=list(subjects))


def bound(
    namespace: str, *subjects: Mapping[str, str], kind: str = "RoleBinding", name: str = "one"
) -> GuardedResource:
    return thing(f"{RBAC}:{kind}", name, namespace, subjects=list(subjects))


def role(rules: Any, *, by: str = SPACE_PATH, kind: str = "Role", name: str = "tenant") -> GuardedResource:
    return thing(f"{RBAC}:{kind}", name, RESEARCH, by=by, **({} if rules is None else {"rules": rules}))


def account(name: str, namespace: str, **properties: Any) -> GuardedResource:
    return thing("core/v1:ServiceAccount", name, namespace, **properties)


OWN_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"}
SUBJECT = {**OF_RESEARCH, "apiGroup": "rbac.authorization.k8s.io"}


def own_binding(*subjects: Mapping[str, str], role: Any = OWN_ROLE, name: str = "tenant") -> GuardedResource:
    """The program's own binding of the tenant's role; without a role that it refers to where that is None."""
    refers = {} if role is None else {"roleRef": role}
    return thing(f"{RBAC}:RoleBinding", name, RESEARCH, by=SPACE_PATH, subjects=list(subjects), **refers)


CASES = {
    "no-cluster-role-for-tenants": Cases(
        passing=(
            cluster_wide(ADMINISTRATORS),
            cluster_wide({"kind": "ServiceAccount", "name": "pipeline", "namespace": "elsewhere"}),
            cluster_wide({"kind": "Group", "name": "system:serviceaccounts:elsewhere"}),
        ),
        refused=(
            cluster_wide(OF_RESEARCH),
            cluster_wide(OF_RESEARCH, kind="ClusterRoleBindingPatch"),
            cluster_wide({"kind": "User", "name": "ops"}, PIPELINE),
            cluster_wide({"kind": "User", "name": "system:serviceaccount:ci:pipeline"}),
            cluster_wide({"kind": "ServiceAccount", "name": "web", "namespace": SUPPORT}),
            cluster_wide({"kind": "Group", "name": "system:authenticated"}),
            cluster_wide({"kind": "Group", "name": f"system:serviceaccounts:{SUPPORT}"}),
            cluster_wide({"kind": "Group", "name": "system:serviceaccounts:ci"}),
            thing(f"{RBAC}:ClusterRoleBinding", by="bulkhead:kueue:Kueue$", subjects=[OF_RESEARCH]),
        ),
        silent=(cluster_wide(), thing(f"{RBAC}:ClusterRoleBinding")),
    ),
    "no-role-beside-for-tenants": Cases(
        passing=(
            bound(RESEARCH, ADMINISTRATORS),
            bound("ci", PIPELINE),
            own_binding(SUBJECT),
        ),
        refused=(
            bound(RESEARCH, OF_RESEARCH),
            bound(SUPPORT, OF_RESEARCH),
            bound("web", OF_RESEARCH),
            bound("kube-system", PIPELINE),
            bound(SUPPORT, {"kind": "ServiceAccount", "name": "default", "namespace": SUPPORT}),
            bound(RESEARCH, OF_RESEARCH, kind="RoleBindingPatch"),
            own_binding(SUBJECT, name="another"),
        ),
        silent=(bound(RESEARCH), thing(f"{RBAC}:RoleBinding")),
    ),
    "tenants-role-is-the-platforms": Cases(
        passing=(
            role(RULES),
            role([], by="", name="auditor"),
            role(list(reversed(RULES))),
            own_binding(SUBJECT),
            own_binding(OF_RESEARCH),
        ),
        refused=(
            role([*RULES, {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["delete"]}]),
            role([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
            role(RULES, by=""),
            role([], by="", kind="RolePatch"),
            bound(RESEARCH, ADMINISTRATORS, kind="RoleBindingPatch", name="tenant"),
            own_binding(SUBJECT, ADMINISTRATORS),
            own_binding(ADMINISTRATORS),
            own_binding(SUBJECT, role={**OWN_ROLE, "kind": "ClusterRole", "name": "cluster-admin"}),
            own_binding(SUBJECT, role={**OWN_ROLE, "kind": "ClusterRole"}),
            own_binding(SUBJECT, role={**OWN_ROLE, "name": "another"}),
        ),
        lacking=(role(None), own_binding(), own_binding(SUBJECT, role=None)),
    ),
    "default-accounts-have-no-token": Cases(
        passing=(
            account("default", RESEARCH, automountServiceAccountToken=False),
            account("default", "web", automountServiceAccountToken=True),
            account("worker", RESEARCH),
            thing("core/v1:ServiceAccountPatch", "default", RESEARCH, automountServiceAccountToken=False),
        ),
        silent=(thing("core/v1:ServiceAccountPatch", "default", RESEARCH, imagePullSecrets=[{"name": "mirror"}]),),
        refused=(
            account("default", RESEARCH, automountServiceAccountToken=True),
            thing("core/v1:ServiceAccountPatch", "default", RESEARCH, automountServiceAccountToken=True),
        ),
        lacking=(account("default", RESEARCH),),
    ),
}
