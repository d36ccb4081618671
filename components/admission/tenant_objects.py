"""NS3's policies: what a role has to let tenants write as a whole, and no role can tell apart by its fields.

A tenant's work needs Services and Secrets. One field of each reaches further than the tenant's role does: an address
outside of the cluster that a Service claims (CVE-2020-8554), and a Secret's type, by which Kubernetes writes a service
account's token into it (Kubernetes' documentation on Secrets: "create on secrets" mints tokens).
"""

from components.admission.building import Manifest, Rule, Scope, policy
from components.admission.cel import any_of, text
from components.admission.requesters import ADMINISTRATORS
from infra.blueprint.admission import AdmissionAction, GpuAdmissionPart

TOKEN_SECRET = "kubernetes.io/service-account-token"  # noqa: S105 - a type of Secrets
"""The type of Secrets that Kubernetes fills with a token without an end."""
TOKEN_ACCOUNT = "kubernetes.io/service-account.name"  # noqa: S105 - an annotation's key
"""Whose token such a Secret gets; a change of it mints another one."""

_CONTROL = "NS3"
_SERVICES = ({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"]},)
_SECRETS = ({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"]},)


def tenant_object_policies(part: GpuAdmissionPart) -> list[Manifest]:
    """The policies on Services and Secrets; none where their action is off."""
    action = part.tenant_objects
    if action is AdmissionAction.OFF:
        return []
    managed = {"matchLabels": dict(part.managed_namespace_labels)}
    return [
        policy("ns3-service-addresses", action, Scope(managed, _SERVICES), (_address_rule(),)),
        policy("ns3-account-tokens", action, Scope(managed, _SECRETS), (_token_rule(),)),
    ]


def _address_rule() -> Rule:
    return Rule(
        "object.?spec.?externalIPs.orValue([]).size() == 0",
        "a Service with externalIPs receives what others send to those addresses. Remove spec.externalIPs.",
        control=_CONTROL,
    )


def _token_rule() -> Rule:
    """A Secret's type never changes, and Kubernetes itself writes the token into one that is there: both pass."""

    def account(root: str) -> str:
        return f"{root}.metadata.?annotations[?{text(TOKEN_ACCOUNT)}].orValue('')"

    return Rule(
        any_of(
            f"object.?type.orValue('') != {text(TOKEN_SECRET)}",
            f"request.operation == 'UPDATE' && {account('object')} == {account('oldObject')}",
            f"request.userInfo.?groups.orValue([]).exists(g, g == {text(ADMINISTRATORS)})",
        ),
        f"a Secret of the type {TOKEN_SECRET} holds a token that never expires and outlives whoever made it. Mount a"
        " projected serviceAccountToken volume into the pod that needs one, or ask the platform's administrators.",
        control=_CONTROL,
    )
