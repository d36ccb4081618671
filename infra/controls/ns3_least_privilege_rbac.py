"""NS3: a tenant's people and service accounts can do what their work needs, in their own namespace only.

A tenant who may write Kyverno policies, queues or cluster-wide objects can lift the other controls: CVE-2026-122303 and
its siblings led from a namespaced Kyverno policy to cluster-admin.
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS3,
    title="least-privilege RBAC per tenant",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism=(
        "A Role and RoleBinding for each tenant without any verb on queues, policies, quotas or other namespaces."
    ),
    verification=(
        "Access reviews for the tenant's subjects deny other namespaces, queues and policies, and allow its own jobs."
    ),
    at_risk="one tenant reads or changes another's objects, or lifts its own limits",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
