"""HW2: no GPU is handed to several clients in turn.

With time-slicing or MPS each client can reach the whole GPU's memory and shares its fault domain, and GKE lets either
be layered on MIG (NVIDIA's and GKE's documentation on GPU sharing).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.HW2,
    title="no time-slicing or MPS",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no two tenants who may attack each other run on one GPU",
    mechanism="No pool shares GPUs in time, and admission refuses selectors and claims that ask for it.",
    verification="No node advertises shared GPUs, and a pod or claim that asks for sharing is refused.",
    at_risk="one tenant reads what another has in the memory of the GPU that both use at once",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
