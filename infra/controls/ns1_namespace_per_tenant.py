"""NS1: each tenant works in a namespace of its own, under the strictest Pod Security level.

Namespaces are what quotas, roles and network policies attach to. Pod Security `restricted` rules out privileged pods,
host namespaces and host paths (Kubernetes' Pod Security Standards and multi-tenancy documentation).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS1,
    title="a namespace per tenant, Pod Security `restricted`",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism="A Namespace for each tenant with the label pod-security.kubernetes.io/enforce: restricted.",
    verification=(
        "A privileged pod, a host path or a host port in a tenant's namespace is refused; a restricted pod is admitted."
    ),
    at_risk="one tenant's pods read another's secrets or volumes, or the node's files",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
