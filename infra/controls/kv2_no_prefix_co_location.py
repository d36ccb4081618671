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
    mechanism="Requests reach engines through a Service, which spreads connections and reads no prompt.",
    verification="Requests of two tenants with one prefix spread over replicas as unrelated requests do.",
    at_risk="equal prompts of different tenants meet on one replica, where timing tells them apart",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` as it is: its engines stand behind Services, which know nothing of prompts.

    Raises:
        ValueError: requests reach engines past their Service.
    """
    services = {engine.base_url for engine in blueprint.engines}
    if past := sorted(row.name for row in blueprint.gateway.models if row.base_url not in services):
        raise ValueError(f"KV2: requests to {', '.join(past)} pass no Service")
    return blueprint


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The Services that spread requests over engines."""
    return tuple(f"Service/{engine.namespace}/{engine.service_name}" for engine in blueprint.engines)
