"""SR1: only the gateway may open a connection to the model servers.

vLLM's `--api-key` guards only some of its paths: full inference at `/invocations`, `/tokenize`, `/pause`, `/metrics`
and others answer without it (vLLM's security guide). The network is what is left to close them. A NetworkPolicy on a
dataplane that does not enforce it is ignored and nothing says so (Kubernetes' NetworkPolicy documentation).
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.SR1,
    title="network: the gateway is the only caller of model servers",
    enforced_from=Tier.GOVERNED,
    assumption="one tenant and one GPU flavour: nobody gains by going around the gateway or the queue",
    mechanism="A NetworkPolicy in the engines' namespace admits only the gateway's pods to the engines' port.",
    verification=(
        "A connection to an engine from any other pod times out, and the same connection from the gateway succeeds."
    ),
    at_risk="any pod of the cluster calls the engines directly, past keys, budgets and rate limits",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
