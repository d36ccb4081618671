"""What machines have of CPUs and memory, of those that GKE makes nodes with GPUs of.

Source: Google's own list of machine types, as gathered in tools/machinetyperegion.csv of
github.com/Cyclenerd/google-cloud-pricing-cost-calculator at commit dac3128 (August 2026). Of a machine that has no row
here nothing is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from infra.config.models import Model
from infra.quantities import amount, mebibytes


@dataclass(frozen=True)
class MachineSize:
    """One machine, before what GKE keeps for itself and the node's own pods.

    Attributes:
        cpus: Virtual CPUs.
        gibibytes: GiB of memory.
    """

    cpus: int
    gibibytes: int


MACHINE_SIZES: Mapping[str, MachineSize] = MappingProxyType(
    {
        "n1-standard-8": MachineSize(8, 30),
        "n1-standard-16": MachineSize(16, 60),
        "n1-standard-32": MachineSize(32, 120),
        "n1-standard-64": MachineSize(64, 240),
        "g2-standard-4": MachineSize(4, 16),
        "g2-standard-8": MachineSize(8, 32),
        "g2-standard-12": MachineSize(12, 48),
        "g2-standard-16": MachineSize(16, 64),
        "g2-standard-24": MachineSize(24, 96),
        "g2-standard-32": MachineSize(32, 128),
        "g2-standard-48": MachineSize(48, 192),
        "g2-standard-96": MachineSize(96, 384),
        "a2-highgpu-1g": MachineSize(12, 85),
        "a2-highgpu-2g": MachineSize(24, 170),
        "a2-highgpu-4g": MachineSize(48, 340),
        "a2-highgpu-8g": MachineSize(96, 680),
        "a2-megagpu-16g": MachineSize(96, 1360),
        "a2-ultragpu-1g": MachineSize(12, 170),
        "a2-ultragpu-2g": MachineSize(24, 340),
        "a2-ultragpu-4g": MachineSize(48, 680),
        "a2-ultragpu-8g": MachineSize(96, 1360),
        "a3-highgpu-1g": MachineSize(26, 234),
        "a3-highgpu-2g": MachineSize(52, 468),
        "a3-highgpu-4g": MachineSize(104, 936),
        "a3-highgpu-8g": MachineSize(208, 1872),
        "a3-megagpu-8g": MachineSize(208, 1872),
        "a3-ultragpu-8g": MachineSize(224, 2952),
        "a4-highgpu-8g": MachineSize(224, 3968),
    }
)


@dataclass(frozen=True)
class Lack:
    """What one engine takes that a whole machine has not.

    Attributes:
        key: The model's key that asks for too much.
        words: What the engine takes, and what the machine has.
    """

    key: str
    words: str


def what_lacks(model: Model, machine_type: str) -> Lack | None:
    """What one engine of a model takes that a whole machine has not; None where nothing is known to lack."""
    size = MACHINE_SIZES.get(machine_type)
    if size is None:
        return None
    memory, spilled = model.resources.memory, model.engine.kv_offload_gibibytes or 0
    cpu, there = model.resources.cpu, size.gibibytes * 1024
    if mebibytes(memory) > there:
        return Lack("resources", f"{memory} of memory, and a node ({machine_type}) has {size.gibibytes} GiB")
    if mebibytes(memory) + spilled * 1024 > there:
        return Lack(
            "engine.kv_offload_gibibytes",
            f"{memory} of memory and {spilled} GiB that its cache spills over into,"
            f" and a node ({machine_type}) has {size.gibibytes} GiB",
        )
    if amount(cpu) > size.cpus:
        return Lack("resources", f"{cpu} CPUs, and a node ({machine_type}) has {size.cpus}")
    return None
