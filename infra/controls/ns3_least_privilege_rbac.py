"""NS3: a tenant's people and service accounts can do what their work needs, in their own namespace only.

A tenant who may write Kyverno policies, queues or cluster-wide objects can lift the other controls: CVE-2026-122303 and
its siblings led from a namespaced Kyverno policy to cluster-admin.
"""

from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.admission import AdmissionAction
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
        "anything outside of it, and a default service account without a token."
    ),
    verification=(
        "Access reviews for the tenant's subjects deny other namespaces, queues and policies, and allow its own jobs."
    ),
    at_risk="one tenant reads or changes another's objects, or lifts its own limits",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with a role for each tenant's subjects, and default service accounts without tokens."""
    return with_spaces(blueprint, lambda tenant, space: replace(space, access=access_part(tenant, CONTROL.id)))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The tenants' roles, bindings and default service accounts, and the policy on what no role can tell apart."""
    found: list[str] = []
    if blueprint.admission.gpu_queues is AdmissionAction.DENY:
        found.append(f"ValidatingPolicy/{names.POLICY_PREFIX}ns3-service-addresses")
    for space in blueprint.tenant_spaces:
        if space.access is not None:
            place = space.namespace.name
            bound = (f"RoleBinding/{place}/tenant",) if space.access.subjects else ()
            found += [f"Role/{place}/tenant", *bound, f"ServiceAccount/{place}/default"]
    return tuple(found)
