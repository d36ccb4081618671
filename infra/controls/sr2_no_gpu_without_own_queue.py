"""SR2: no pod gets a GPU unless a queue of its own tenant admitted it.

Kueue is opt-in: a workload without `kueue.x-k8s.io/queue-name` runs at once and is counted nowhere, and any queue's
name is accepted from anybody (Kueue's documentation on managed jobs). "A GPU" means anything under `nvidia.com/` in a
container, an init container or an ephemeral container, and any resource claim.
"""

from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.admission import AdmissionAction
from infra.blueprint.gpu_admission import with_policies
from infra.blueprint.model import Blueprint
from infra.config.trust import ControlId, Tier
from infra.trust.control import Control

CONTROL = Control(
    id=ControlId.SR2,
    title="admission: no GPU without a queue of the tenant's own",
    enforced_from=Tier.GOVERNED,
    assumption="one tenant and one GPU flavour: nobody gains by going around the gateway or the queue",
    mechanism=(
        "Admission policies, which the API server itself evaluates, refuse workloads that ask for a GPU without being"
        " held by a queue of their own tenant, and whatever reaches a GPU without asking."
    ),
    verification=(
        "A GPU workload with no queue, a made-up queue or another tenant's queue is refused; with its own "
        "queue it is admitted."
    ),
    at_risk="a workload takes GPUs outside its quota, or out of another tenant's",
)

POLICIES = (
    "gpu-binding",
    "gpu-deletions",
    "gpu-elsewhere",
    "gpu-environment",
    "gpu-pods",
    "gpu-queues",
    "gpu-workloads",
)
"""The policies, less the `bulkhead-` before their names."""


def apply(blueprint: Blueprint) -> Blueprint:
    """Return `blueprint` with Kyverno and with the policies in force, or audited where the stack says so.

    Raises:
        ValueError: a tenant's LocalQueue is not called as the tenant is, which the policies rest on.
    """
    misnamed = [queue.name for queue in blueprint.quota.local_queues if queue.tenant not in {None, queue.name}]
    if misnamed:
        raise ValueError(f"SR2: a tenant's LocalQueue must be called as the tenant is, and {misnamed[0]} is not")
    admission = blueprint.admission
    return with_policies(blueprint, replace(admission, gpu_queues=admission.action_when_in_force))


def objects(blueprint: Blueprint) -> tuple[str, ...]:
    """The policies; those of the API server are generated from them."""
    if blueprint.admission.gpu_queues is not AdmissionAction.DENY:
        return ()
    return tuple(f"ValidatingPolicy/{names.POLICY_PREFIX}{name}" for name in POLICIES)
