"""Runtime classes that tenants' pods may name, and by which a pod could see more GPUs than it was given."""

from collections.abc import Collection, Iterator

from infra.config.stack import StackConfig
from infra.config.trust import ControlId
from infra.trust.posture import Finding, Severity

NVIDIA = "nvidia"
"""What NVIDIA's GPU operator calls its runtime class, and what the others that it makes begin with (`nvidia-cdi`)."""
TOOLKIT_SETTING = "accept-nvidia-visible-devices-envvar-when-unprivileged = false"
"""In the configuration of NVIDIA's container toolkit, whose default is true: who is not privileged chooses no GPUs."""


def runtime_class_findings(config: StackConfig, asked_for: Collection[ControlId]) -> Iterator[Finding]:
    """Warnings: classes of NVIDIA's where HW3 is asked for; without it pods may name any, which is told elsewhere.

    Whether the runtime listens to what an image asks for is set on the nodes, so that nothing here can see it.
    """
    if ControlId.HW3 not in asked_for:
        return
    for index, name in enumerate(config.trust.admission.runtime_classes):
        if name == NVIDIA or name.startswith(f"{NVIDIA}-"):
            yield Finding(
                Severity.WARNING,
                ControlId.HW3,
                f"bulkhead:trust.admission.runtime_classes[{index}]",
                f"Tenants' pods may name the runtime class {name}: it shows a whole node's GPUs to every image that"
                " asks for them (NVIDIA_VISIBLE_DEVICES), past quota and partition. Remove it, unless the nodes' NVIDIA"
                " runtime is set to take no such word from unprivileged pods"
                f" ({TOOLKIT_SETTING}).",
            )
