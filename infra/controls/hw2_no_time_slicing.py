"""HW2: no GPU is handed to several clients in turn.

With time-slicing or MPS each client can reach the whole GPU's memory and shares its fault domain, and GKE lets either
be layered on MIG (NVIDIA's and GKE's documentation on GPU sharing).
"""

from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.admission import AdmissionAction
from infra.blueprint.gpu_admission import with_policies
from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.HW2,
    title="no time-slicing or MPS",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no two tenants who may attack each other run on one GPU",
    mechanism=(
        "A stack with a pool that shares GPUs in time is refused, and admission policies refuse selectors, resource"
        " names, claims and compute classes that ask for sharing, also on top of MIG."
    ),
    verification="No node advertises shared GPUs, and a pod or claim that asks for sharing is refused.",
    at_risk="one tenant reads what another has in the memory of the GPU that both use at once",
)

POLICIES = ("hw2-shared-gpus", "hw2-sharing")
"""The policies, less the `bulkhead-` before their names."""


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with the policies in force, or audited where the stack says so.

    A pool that shares its GPUs stays in it: whoever deploys refuses the stack for it.
    """
    admission = blueprint.admission
    return with_policies(blueprint, replace(admission, gpu_sharing=admission.action_when_in_force))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The policies; those of the API server are generated from them."""
    if blueprint.admission.gpu_sharing is not AdmissionAction.DENY:
        return ()
    return tuple(f"ValidatingPolicy/{names.POLICY_PREFIX}{name}" for name in POLICIES)
