"""NS4: nothing reaches or leaves a tenant's pods unless it is on a short list.

Denying only what comes in is the common mistake: what goes out still reaches other tenants and the cloud's metadata
server (Kubernetes' NetworkPolicy documentation; GKE's hardening guide).
"""

from dataclasses import replace

from infra.blueprint.model import Blueprint
from infra.blueprint.tenant_spaces import space_network_policies, with_spaces, without_shared_connections
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS4,
    title="default-deny NetworkPolicy per tenant, both directions",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism=(
        "A NetworkPolicy that denies both directions in each tenant's namespace, and one that admits DNS, "
        "the gateway and the namespace itself."
    ),
    verification="Connections between tenants, and to the metadata server, fail; the gateway and DNS answer.",
    at_risk="one tenant's pods connect to another's, or to the node's metadata server",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with policies for each tenant's namespace, and the one that they shared closed."""
    spaced = with_spaces(
        blueprint,
        lambda _, space: replace(space, network_policies=space_network_policies(blueprint, space, CONTROL.id)),
    )
    return without_shared_connections(spaced, CONTROL.id)


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The policies of the tenants' namespaces, and of the one that they shared."""
    shared = (policy for policy in blueprint.network_policies if policy.control == CONTROL.id)
    own = (policy for space in blueprint.tenant_spaces for policy in space.network_policies)
    return tuple(f"NetworkPolicy/{policy.namespace}/{policy.name}" for policy in (*own, *shared))
