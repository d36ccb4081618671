"""NS1: each tenant works in a namespace of its own, under the strictest Pod Security level.

Namespaces are what quotas, roles and network policies attach to. Pod Security `restricted` rules out privileged pods,
host namespaces and host paths (Kubernetes' Pod Security Standards and multi-tenancy documentation).
"""

from infra.blueprint.model import Blueprint
from infra.blueprint.tenant_spaces import queues_of_spaces, restricted, with_spaces
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS1,
    title="a namespace per tenant, Pod Security `restricted`",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism=(
        "A Namespace for each tenant with the label pod-security.kubernetes.io/enforce: restricted, and the tenant's "
        "queue in it; nobody works in a shared namespace."
    ),
    verification=(
        "A privileged pod, a host path or a host port in a tenant's namespace is refused; a restricted pod is admitted."
    ),
    at_risk="one tenant's pods read another's secrets or volumes, or the node's files",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with a namespace for each tenant, under Pod Security `restricted`."""
    return with_spaces(blueprint, lambda _, space: restricted(space, CONTROL.id))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The tenants' namespaces, and their queues there."""
    return (
        *(f"Namespace/{space.namespace.name}" for space in blueprint.tenant_spaces),
        *(f"LocalQueue/{name}" for name in queues_of_spaces(blueprint)),
    )
