"""NS3: a tenant's people and service accounts can do what their work needs, in their own namespace only.

A tenant who may write Kyverno policies, queues or cluster-wide objects can lift the other controls: CVE-2026-122303 and
its siblings led from a namespaced Kyverno policy to cluster-admin. A role allows a kind as a whole: what reaches
further by a field, as a Service's external address and a Secret that mints a token, is refused by admission policies.
These refuse also where the stack's others only audit, as the roles do.
"""

from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.admission import AdmissionAction
from infra.blueprint.gpu_admission import with_policies
from infra.blueprint.model import Blueprint
from infra.blueprint.tenant_spaces import access_part, with_spaces
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS3,
    title="least-privilege RBAC per tenant",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism=(
        "A Role and RoleBinding in each tenant's namespace without a writing verb on queues, policies, quotas or "
        "anything outside of it, a default service account without a token, and admission policies on Services and "
        "Secrets that reach further than a role can tell."
    ),
    verification=(
        "Access reviews for the tenant's subjects deny other namespaces, queues and policies, and allow its own jobs."
    ),
    at_risk="one tenant reads or changes another's objects, or lifts its own limits",
)


POLICIES = ("ns3-account-tokens", "ns3-service-addresses")
"""The policies, less the `bulkhead-` before their names."""


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with a role for each tenant's subjects, and the policies on what no role can tell apart."""
    bounded = with_policies(blueprint, replace(blueprint.admission, tenant_objects=AdmissionAction.DENY))
    return with_spaces(bounded, lambda tenant, space: replace(space, access=access_part(tenant, CONTROL.id)))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The tenants' roles, bindings and default service accounts, and the policies on what no role can tell apart."""
    found: list[str] = []
    if blueprint.admission.tenant_objects is AdmissionAction.DENY:
        found += [f"ValidatingPolicy/{names.POLICY_PREFIX}{name}" for name in POLICIES]
    for space in blueprint.tenant_spaces:
        if space.access is not None:
            place = space.namespace.name
            bound = (f"RoleBinding/{place}/tenant",) if space.access.subjects else ()
            found += [f"Role/{place}/tenant", *bound, f"ServiceAccount/{place}/default"]
    return tuple(found)
