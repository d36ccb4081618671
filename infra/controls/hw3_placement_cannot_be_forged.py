"""HW3: a tenant cannot talk itself onto another tenant's nodes.

Tolerations, node selectors and resource claims are written by the tenant: a taint isolates nothing unless foreign
tolerations are refused (Kubernetes' documentation on taints and multi-tenancy).
"""

from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.admission import AdmissionAction
from infra.blueprint.gpu_admission import with_policies
from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.HW3,
    title="placement cannot be forged (tolerations, selectors, claims)",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no two tenants who may attack each other run on one GPU",
    mechanism=(
        "An admission policy lets tenants' pods tolerate, select and name only what is their own or open to all:"
        " taints, node labels, neighbours; no node, scheduler, device claim, or unlisted priority or runtime class."
    ),
    verification=(
        "A pod with a foreign toleration, selector, node name or claim is refused; with the tenant's own "
        "it is admitted."
    ),
    at_risk="a tenant schedules its pods onto nodes dedicated to another",
)

POLICY = "hw3-placement"
"""The policy, less the `bulkhead-` before its name."""


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with the policy in force, or audited where the stack says so."""
    admission = blueprint.admission
    return with_policies(blueprint, replace(admission, placement=admission.action_when_in_force))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The policy; the API server's own is generated from it."""
    if blueprint.admission.placement is not AdmissionAction.DENY:
        return ()
    return (f"ValidatingPolicy/{names.POLICY_PREFIX}{POLICY}",)
