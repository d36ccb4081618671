"""Roles and their bindings as Kubernetes spells them. Pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from infra.blueprint.access import AccessRulePart, SubjectKind, SubjectPart

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict, RoleRefArgsDict, SubjectArgsDict

API_GROUP = "rbac.authorization.k8s.io"
ROLE_NAME = "tenant"


def rules(parts: Iterable[AccessRulePart]) -> "list[PolicyRuleArgsDict]":
    """The rules of a role."""
    return [
        {"api_groups": list(part.api_groups), "resources": list(part.resources), "verbs": list(part.verbs)}
        for part in parts
    ]


def subjects(parts: Iterable[SubjectPart]) -> "list[SubjectArgsDict]":
    """Whom a role is bound to."""
    return [_subject(part) for part in parts]


def _subject(part: SubjectPart) -> "SubjectArgsDict":
    if part.kind is SubjectKind.SERVICE_ACCOUNT and part.namespace is not None:
        return {"kind": str(part.kind), "name": part.name, "namespace": part.namespace}
    return {"kind": str(part.kind), "name": part.name, "api_group": API_GROUP}


def role_reference() -> "RoleRefArgsDict":
    """The tenants' role in the binding's own namespace."""
    return {"api_group": API_GROUP, "kind": "Role", "name": ROLE_NAME}
