"""The GPU admission policies as resources."""

from dataclasses import dataclass

import pulumi

from components.admission.policies import gpu_policies
from components.shared import CustomObject, labels
from infra.blueprint.admission import GpuAdmissionPart

GENERATED = "jsonpath={.status.generated}=true"
"""Kyverno says so in a policy's status once the API server has it: 1 to 2 s later (Kyverno 1.19)."""


@dataclass(frozen=True)
class GpuAdmissionArgs:
    """What the policies are made from; Kyverno must be running."""

    part: GpuAdmissionPart


class GpuAdmission(pulumi.ComponentResource):
    """Policies that keep GPUs behind queues.

    Each is waited for until the API server has its own copy, so that whatever depends on this component is judged.
    """

    def __init__(self, name: str, args: GpuAdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:admission:GpuAdmission", name, None, opts)
        for manifest in gpu_policies(args.part):
            policy = manifest["metadata"]["name"]
            metadata = {
                "name": policy,
                "labels": labels("admission-policy", policy),
                "annotations": {"pulumi.com/waitFor": GENERATED},
            }
            CustomObject(f"{name}-{policy}", {**manifest, "metadata": metadata}, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
