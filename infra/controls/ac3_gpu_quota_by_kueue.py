"""AC3: Kueue rations GPUs, a queue and a quota for each tenant.

Kueue suspends a workload until its queue has room. It is quota and not isolation: a workload that names no queue is not
seen at all, which is what SR2 closes (Kueue's documentation).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.AC3,
    title="GPU quota by Kueue",
    enforced_from=Tier.TRUSTED,
    assumption="none: required from the start",
    mechanism="A Kueue ClusterQueue with the tenant's quota and a LocalQueue for each tenant.",
    verification="A job within the quota is admitted; one beyond it stays suspended until there is room.",
    at_risk="the tenant who asks first takes every GPU",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` as it is: the trusted blueprint already has the queues.

    Raises:
        ValueError: a tenant has no ClusterQueue, or a ClusterQueue of a tenant has no LocalQueue.
    """
    queues = {queue.tenant: queue.name for queue in blueprint.quota.cluster_queues if queue.tenant is not None}
    entries = {queue.cluster_queue for queue in blueprint.quota.local_queues}
    if {tenant.name for tenant in blueprint.tenants} != set(queues) or not set(queues.values()) <= entries:
        raise ValueError("AC3: every tenant needs a ClusterQueue and a LocalQueue that leads to it")
    return blueprint


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The tenants' queues."""
    cluster_queues = {queue.name for queue in blueprint.quota.cluster_queues if queue.tenant is not None}
    return (
        *(f"ClusterQueue/{name}" for name in sorted(cluster_queues)),
        *(
            f"LocalQueue/{queue.namespace}/{queue.name}"
            for queue in blueprint.quota.local_queues
            if queue.cluster_queue in cluster_queues
        ),
    )
