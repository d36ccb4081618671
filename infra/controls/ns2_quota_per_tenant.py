"""NS2: no tenant can exhaust what the cluster has besides GPUs.

Without a ResourceQuota one namespace can take all CPU, memory and object storage; without a LimitRange a pod that
states no requests slips past a quota (Kubernetes' documentation on resource quotas and limit ranges).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS2,
    title="ResourceQuota and LimitRange per tenant",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism="A ResourceQuota and a LimitRange in each tenant's namespace.",
    verification=(
        "A pod beyond the quota is refused, one within it is admitted, and the tenant cannot edit either object."
    ),
    at_risk="one tenant exhausts CPU, memory or objects, and the others' pods stay pending",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
