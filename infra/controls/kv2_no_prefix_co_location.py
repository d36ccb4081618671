"""KV2: routing does not send requests to the replica that holds another tenant's prefix.

A router that scores replicas by cached prefixes brings equal prefixes of different tenants together, which is the side
channel's other half (the endpoint picker's `prefix-cache-scorer`).
"""

from infra.blueprint.model import Blueprint, EnginePart
from infra.blueprint.picking import with_pickers_closed, without_co_location
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.KV2,
    title="no prefix-based co-location",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no tenant tries to learn what another one asks the models",
    mechanism=(
        "Requests reach engines through a Service, which reads no prompt, or by an endpoint picker that scores load "
        "alone; prefixes count only among engines of one tenant."
    ),
    verification="Requests of two tenants with one prefix spread over replicas as unrelated requests do.",
    at_risk="equal prompts of different tenants meet on one replica, where timing tells them apart",
)


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with engines behind Services, or pickers that bring no two tenants' prompts together.

    Without its picker the data plane would choose by rules of its own, so none of them is gone around.

    Raises:
        ValueError: requests reach engines past their Service or their picker.
    """
    addresses = {engine.base_url for engine in blueprint.engines}
    if past := sorted(row.name for row in blueprint.gateway.models if row.base_url not in addresses):
        raise ValueError(f"KV2: requests to {', '.join(past)} pass neither a Service nor a picker")
    return without_co_location(with_pickers_closed(blueprint))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """What spreads requests over engines: their Services, or their pickers, by what these look at."""
    return tuple(_object(engine) for engine in blueprint.engines)


def _object(engine: EnginePart) -> str:
    if engine.picker is None:
        return f"Service/{engine.namespace}/{engine.service_name}"
    kind = "PickerOfOneTenant" if engine.picker.scores_prefixes else "PickerByLoad"
    return f"{kind}/{engine.namespace}/{engine.picker_name}"
