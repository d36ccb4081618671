"""NS4: nothing reaches or leaves a tenant's pods unless it is on a short list.

Denying only what comes in is the common mistake: what goes out still reaches other tenants and the cloud's metadata
server (Kubernetes' NetworkPolicy documentation; GKE's hardening guide).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.NS4,
    title="default-deny NetworkPolicy per tenant, both directions",
    enforced_from=Tier.PARTITIONED,
    assumption="tenants trust each other's workloads",
    mechanism=(
        "A NetworkPolicy that denies both directions in each tenant's namespace, and one that admits DNS "
        "and the gateway."
    ),
    verification="Connections between tenants, and to the metadata server, time out; the gateway and DNS answer.",
    at_risk="one tenant's pods connect to another's, or to the node's metadata server",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
