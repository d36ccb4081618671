"""HW1: tenants never meet on a device that separates them in software only.

MIG gives each instance memory and fault isolation in hardware; time-slicing gives none (NVIDIA's MIG user guide). A
GPU that is handed out whole passes from one tenant's process to the next one's, with whatever the first left in it.
"""

from dataclasses import replace

from infra.blueprint.model import Blueprint
from infra.blueprint.placement import hard_partition
from infra.blueprint.tenant_spaces import with_fitted_limits
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.HW1,
    title="hard GPU partition: MIG or dedicated pool",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no two tenants who may attack each other run on one GPU",
    mechanism=(
        "Each tenant's queue covers only pools that are dedicated to it, MIG instances, and GPUs that nobody else uses;"
        " that of a tenant that is `bulkhead:tenants[].sensitive` covers only pools that are dedicated to it, which run"
        " its own engines too."
    ),
    verification="No two tenants' pods run on one GPU, unless each holds MIG instances of its own.",
    at_risk="one tenant reads what another left in GPU memory, or takes its work down with a GPU fault",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with queues that keep each tenant off GPUs that are another's as well."""
    return with_fitted_limits(replace(blueprint, quota=hard_partition(blueprint)))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The tenants' queues, and the flavors that are one tenant's alone."""
    if not blueprint.quota.hard_partition:
        return ()
    return (
        *(f"ClusterQueue/{queue.name}" for queue in blueprint.quota.cluster_queues if queue.tenant is not None),
        *(f"ResourceFlavor/{pool.flavor}" for pool in blueprint.pools if pool.is_gpu and pool.dedicated_to),
    )
