"""KV2: routing does not send requests to the replica that holds another tenant's prefix.

A router that scores replicas by cached prefixes brings equal prefixes of different tenants together, which is the side
channel's other half (the endpoint picker's `prefix-cache-scorer`).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.KV2,
    title="no prefix-based co-location",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no tenant tries to learn what another one asks the models",
    mechanism="Routing to engines uses load only: no prefix scorer, unless its hash holds the tenant's salt.",
    verification="Requests of two tenants with one prefix spread over replicas as unrelated requests do.",
    at_risk="equal prompts of different tenants meet on one replica, where timing tells them apart",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
