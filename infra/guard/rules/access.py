"""What tenants' subjects may do on the cluster: NS3 keeps it to one role in the tenant's own namespace."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.blueprint.access import AccessRulePart, SubjectKind
from infra.blueprint.model import TenantAccessPart, TenantSpacePart
from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource, SubjectKey
from infra.guard.rule import ResourceRule
from infra.values import listed, mapping

RBAC = "rbac.authorization.k8s.io"
TENANT_ROLE = "tenant"
DEFAULT_ACCOUNT = "default"
EVERYBODY = frozenset({"system:authenticated", "system:serviceaccounts", "system:unauthenticated"})
"""Groups that hold everybody, tenants' subjects among them."""
ACCOUNTS_OF = "system:serviceaccounts:"
"""Before a namespace: the group of its service accounts."""
ACCOUNT = "system:serviceaccount:"
"""Before a namespace and a name: a service account as a user."""

Rules = frozenset[tuple[frozenset[str], frozenset[str], frozenset[str]]]
"""(API groups, resources, verbs) of each rule of a role."""


def _is_rbac(resource: GuardedResource, kind: str) -> bool:
    return resource.group == RBAC and resource.kind == kind


def _account_of(subject: Mapping[str, Any]) -> tuple[str, str] | None:
    """(namespace, name) of a service account, however it is named; None for anybody else."""
    kind, name = str(subject.get("kind")), str(subject.get("name"))
    if kind == SubjectKind.SERVICE_ACCOUNT:
        return str(subject.get("namespace") or ""), name
    if kind == SubjectKind.USER and name.startswith(ACCOUNT):
        namespace, _, account = name.removeprefix(ACCOUNT).partition(":")
        return namespace, account
    return None


def _acts_for_a_tenant(subject: Mapping[str, Any], guard: Guard) -> bool:
    """Whether it is a tenant's subject, or an account that a tenant's pods may run as, or a group that holds such."""
    kind, name = str(subject.get("kind")), str(subject.get("name"))
    account = _account_of(subject)
    if account is not None:
        return account[0] in guard.tenant_namespaces or ("ServiceAccount", account[1], account[0]) in guard.subjects
    if kind == SubjectKind.GROUP and (name in EVERYBODY or _holds_a_tenants_accounts(name, guard)):
        return True
    return (kind, name, "") in guard.subjects


def _holds_a_tenants_accounts(group: str, guard: Guard) -> bool:
    namespace = group.removeprefix(ACCOUNTS_OF) if group.startswith(ACCOUNTS_OF) else ""
    accounts = {subject[2] for subject in guard.subjects if subject[0] == SubjectKind.SERVICE_ACCOUNT}
    return bool(namespace) and (namespace in guard.tenant_namespaces or namespace in accounts)


def _no_cluster_role_for_tenants(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not _is_rbac(resource, "ClusterRoleBinding"):
        return
    for subject in map(mapping, listed(resource.properties.get("subjects"))):
        if _acts_for_a_tenant(subject, guard):
            yield (
                f"{subject.get('kind')} {subject.get('name')} is or holds who acts for a tenant, and a"
                " ClusterRoleBinding reaches every namespace, other tenants' too. Write: no binding; the tenant's role"
                " in its own namespace comes with bulkhead:tenants[].subjects"
            )


def _no_role_beside_for_tenants(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """A service account of a tenant's keeps what it needs at home, where no namespace of the platform's is."""
    if not _is_rbac(resource, "RoleBinding") or _is_the_tenants_own(resource, guard):
        return
    for subject in map(mapping, listed(resource.properties.get("subjects"))):
        account = _account_of(subject)
        at_home = account is not None and account[0] == resource.namespace not in guard.namespaces
        if _acts_for_a_tenant(subject, guard) and not at_home:
            yield (
                f"{subject.get('kind')} {subject.get('name')} is or holds who acts for a tenant, and gets verbs that"
                " the tenant's one role leaves out, or another namespace. Write: no binding;"
                " bulkhead:tenants[].subjects binds the tenant's role"
            )


def _is_the_tenants_own(resource: GuardedResource, guard: Guard) -> bool:
    """Whether it is the binding that the program makes in a tenant's namespace, which has a rule of its own."""
    return not resource.by_hand and _space_of_role(resource, guard) is not None


def _space_of_role(resource: GuardedResource, guard: Guard) -> TenantSpacePart | None:
    """The tenant's namespace whose role, or the binding of it, this is by its name and place."""
    if resource.object_name != TENANT_ROLE:
        return None
    spaces = (one for one in guard.blueprint.tenant_spaces if one.access is not None)
    return next((one for one in spaces if one.namespace.name == resource.namespace), None)


def _tenants_role_is_the_platforms(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    if not _is_rbac(resource, "Role") and not _is_rbac(resource, "RoleBinding"):
        return
    space = _space_of_role(resource, guard)
    if space is None or space.access is None:
        return
    if resource.by_hand:
        yield (
            f"it takes the place of what tenant {space.tenant}'s subjects may do, or of who they are, or changes it."
            " Write: another name, bound to nobody who acts for a tenant"
        )
    elif resource.kind == "Role" and _allowed(resource) != _allowed_by(space.access.rules):
        yield (
            f"it allows tenant {space.tenant}'s subjects other things than the platform does. Write: no transformation"
            " of it"
        )
    elif resource.kind == "RoleBinding" and not _binds(resource, space.access):
        yield (
            f"it binds somebody else than tenant {space.tenant}'s subjects, or another role than the tenant's. Write:"
            " no transformation of it; bulkhead:tenants[].subjects says who is bound"
        )


def _binds(resource: GuardedResource, part: TenantAccessPart) -> bool:
    """Whether a binding binds the tenant's subjects and nobody else, to the role of its own namespace."""
    role = mapping(resource.properties.get("roleRef"))
    bound = [_key(subject) for subject in map(mapping, listed(resource.properties.get("subjects")))]
    meant = [(str(subject.kind), subject.name, subject.namespace or "") for subject in part.subjects]
    to_its_role = (role.get("apiGroup"), role.get("kind"), role.get("name")) == (RBAC, "Role", TENANT_ROLE)
    return to_its_role and sorted(bound) == sorted(meant)


def _key(subject: Mapping[str, Any]) -> SubjectKey:
    return str(subject.get("kind")), str(subject.get("name")), str(subject.get("namespace") or "")


def _allowed(resource: GuardedResource) -> Rules:
    return frozenset(
        (
            frozenset(map(str, listed(rule.get("apiGroups")))),
            frozenset(map(str, listed(rule.get("resources")))),
            frozenset(map(str, listed(rule.get("verbs")))),
        )
        for rule in map(mapping, listed(resource.properties.get("rules")))
    )


def _allowed_by(rules: Iterable[AccessRulePart]) -> Rules:
    return frozenset((frozenset(rule.api_groups), frozenset(rule.resources), frozenset(rule.verbs)) for rule in rules)


def _default_accounts_have_no_token(resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """A patch may leave the field as it is, and may not set it to another value."""
    if resource.group != "core" or resource.kind != "ServiceAccount" or resource.object_name != DEFAULT_ACCOUNT:
        return
    spaces = {space.namespace.name for space in guard.blueprint.tenant_spaces if space.access is not None}
    mounts = resource.properties.get("automountServiceAccountToken")
    left_alone = resource.is_patch and mounts is None
    if resource.namespace in spaces and mounts is not False and not left_alone:
        yield (
            "a tenant's pods that name no account run as this one, and with a token each of them speaks to the API"
            " server. Write: automountServiceAccountToken: false, or nothing: the platform makes it"
        )


RULES = (
    ResourceRule(
        "no-cluster-role-for-tenants",
        (ControlId.NS3,),
        "Who acts for a tenant, alone or in a group, gets roles in namespaces only.",
        _no_cluster_role_for_tenants,
    ),
    ResourceRule(
        "no-role-beside-for-tenants",
        (ControlId.NS3,),
        "Who acts for a tenant is bound to the tenant's one role and no other.",
        _no_role_beside_for_tenants,
    ),
    ResourceRule(
        "tenants-role-is-the-platforms",
        (ControlId.NS3,),
        "A tenant's role allows what the platform says, and is bound to whom the stack file says and to nobody else.",
        _tenants_role_is_the_platforms,
    ),
    ResourceRule(
        "default-accounts-have-no-token",
        (ControlId.NS3,),
        "The default service account of a tenant's namespace mounts no token.",
        _default_accounts_have_no_token,
    ),
)
