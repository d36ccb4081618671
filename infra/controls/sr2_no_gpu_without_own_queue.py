"""SR2: no pod gets a GPU unless a queue of its own tenant admitted it.

Kueue is opt-in: a workload without `kueue.x-k8s.io/queue-name` runs at once and is counted nowhere, and any queue's
name is accepted from anybody (Kueue's documentation on managed jobs). "A GPU" means anything under `nvidia.com/` in a
container, an init container or an ephemeral container, and any resource claim.
"""

from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.SR2,
    title="admission: no GPU without a queue of the tenant's own",
    enforced_from=Tier.GOVERNED,
    assumption="one tenant and one GPU flavour: nobody gains by going around the gateway or the queue",
    mechanism=("An admission policy refuses workloads that ask for a GPU without naming a queue of their own tenant."),
    verification=(
        "A GPU workload with no queue, a made-up queue or another tenant's queue is refused; with its own "
        "queue it is admitted."
    ),
    at_risk="a workload takes GPUs outside its quota, or out of another tenant's",
)

apply = None
"""Not available yet."""


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """Nothing: no blueprint carries this control yet."""
    del blueprint
    return ()
