"""HW1: tenants never meet on a device that separates them in software only.

MIG gives each instance memory and fault isolation in hardware; time-slicing gives none (NVIDIA's MIG user guide).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.HW1,
    title="hard GPU partition: MIG or dedicated pool",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no two tenants who may attack each other run on one GPU",
    mechanism="Each tenant's workloads get MIG instances or a dedicated pool; no GPU is lent to another tenant.",
    verification="No two tenants' pods run on one GPU, unless each holds MIG instances of its own.",
    at_risk="one tenant reads what another left in GPU memory, or takes its work down with a GPU fault",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
