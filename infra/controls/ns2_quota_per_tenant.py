"""NS2: no tenant can exhaust what the cluster has besides GPUs.

Without a ResourceQuota one namespace can take all CPU, memory and object storage; without a LimitRange a pod that
states no requests slips past a quota (Kubernetes' documentation on resource quotas and limit ranges).
"""

from dataclasses import replace

from infra.blueprint.model import Blueprint
from infra.blueprint.tenant_spaces import gpu_quota, limits_part, with_spaces, without_borrowing
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS2,
    title="ResourceQuota and LimitRange per tenant",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism=(
        "A ResourceQuota and a LimitRange in each tenant's namespace, whose GPUs equal the tenant's Kueue quota, and "
        "no borrowing beyond it."
    ),
    verification=(
        "A pod beyond the quota is refused, one within it is admitted, and the tenant cannot edit either object."
    ),
    at_risk="one tenant exhausts CPU, memory or objects, and the others' pods stay pending",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with a quota and default limits for each tenant, and queues that borrow nothing."""
    devices = gpu_quota(blueprint.quota)
    limited = with_spaces(
        blueprint, lambda tenant, space: replace(space, limits=limits_part(tenant, devices[tenant.name], CONTROL.id))
    )
    return replace(limited, quota=without_borrowing(limited.quota))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The tenants' quotas and default limits."""
    return tuple(
        f"{kind}/{space.namespace.name}/tenant"
        for space in blueprint.tenant_spaces
        if space.limits is not None
        for kind in ("ResourceQuota", "LimitRange")
    )
