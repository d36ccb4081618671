"""KV3: what an engine has computed for one tenant is never stored where another tenant's engine reads it.

Several connectors leave the salt, or the adapter, out of their keys (vLLM's issues 53495, 51748, 54342 and 44250), and
the transfer between nodes is neither authenticated nor encrypted (vLLM's security guide).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.KV3,
    title="no KV offload or transfer tier shared between tenants",
    enforced_from=Tier.ADVERSARIAL,
    assumption="no tenant tries to learn what another one asks the models",
    mechanism="Engines run without a KV connector or offload tier, or with one for each tenant.",
    verification=(
        "No engine has a KV transfer or offload setting, and a hit through such a tier is not seen between tenants."
    ),
    at_risk="computed prompts of one tenant are read back by another through the shared tier",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
