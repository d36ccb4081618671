"""HW3: a tenant cannot talk itself onto another tenant's nodes.

Tolerations, node selectors and resource claims are written by the tenant: a taint isolates nothing unless foreign
tolerations are refused (Kubernetes' documentation on taints and multi-tenancy).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.HW3,
    title="placement cannot be forged (tolerations, selectors, claims)",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no two tenants who may attack each other run on one GPU",
    mechanism="Admission refuses tolerations, selectors, affinities and claims for pools of other tenants.",
    verification=(
        "A pod with a foreign toleration, selector, node name or claim is refused; with the tenant's own "
        "it is admitted."
    ),
    at_risk="a tenant schedules its pods onto nodes dedicated to another",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
