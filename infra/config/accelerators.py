"""What the accelerators can do: memory, compute capability, MIG sizes, GPUs on a node, machine types.

Sources: GKE's GPU documentation and NVIDIA's MIG user guide, read in November 2026. The H200 and B200 sizes have not
been confirmed on hardware. Memory and compute capability are NVIDIA's published figures, read off no hardware either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Accelerator(StrEnum):
    """Accelerators by the names that GKE gives them in `cloud.google.com/gke-accelerator`, and `cpu`."""

    CPU = "cpu"
    NVIDIA_TESLA_T4 = "nvidia-tesla-t4"
    NVIDIA_TESLA_V100 = "nvidia-tesla-v100"
    NVIDIA_L4 = "nvidia-l4"
    NVIDIA_TESLA_A100 = "nvidia-tesla-a100"
    NVIDIA_A100_80GB = "nvidia-a100-80gb"
    NVIDIA_H100_80GB = "nvidia-h100-80gb"
    NVIDIA_H100_MEGA_80GB = "nvidia-h100-mega-80gb"
    NVIDIA_H200_141GB = "nvidia-h200-141gb"
    NVIDIA_B200 = "nvidia-b200"


@dataclass(frozen=True)
class AcceleratorFacts:
    """What one accelerator offers.

    Attributes:
        machine_types: GPUs on a node → the usual GKE machine type; its keys are the counts that GKE offers.
        gigabytes: GB of memory of one GPU.
        compute_capability: What it can do, by NVIDIA's number, which is no age: an L4 has a higher one than an A100.
            Most kernels and number formats are there from one number on, but not what is compiled for one
            architecture alone, as `sm_90a`.
        mig_sizes: MIG profile → instances of it that one GPU holds; empty where the GPU has no MIG.
    """

    machine_types: Mapping[int, str]
    gigabytes: int
    compute_capability: tuple[int, int]
    mig_sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


_H100_MIG_SIZES = {"1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "7g.80gb": 1}

FACTS: Mapping[Accelerator, AcceleratorFacts] = MappingProxyType(
    {
        Accelerator.NVIDIA_TESLA_T4: AcceleratorFacts(
            {1: "n1-standard-8", 2: "n1-standard-16", 4: "n1-standard-32"},
            16,
            (7, 5),
        ),
        Accelerator.NVIDIA_TESLA_V100: AcceleratorFacts(
            {1: "n1-standard-8", 2: "n1-standard-16", 4: "n1-standard-32", 8: "n1-standard-64"},
            16,
            (7, 0),
        ),
        Accelerator.NVIDIA_L4: AcceleratorFacts(
            {1: "g2-standard-12", 2: "g2-standard-24", 4: "g2-standard-48", 8: "g2-standard-96"},
            24,
            (8, 9),
        ),
        Accelerator.NVIDIA_TESLA_A100: AcceleratorFacts(
            {
                1: "a2-highgpu-1g",
                2: "a2-highgpu-2g",
                4: "a2-highgpu-4g",
                8: "a2-highgpu-8g",
                16: "a2-megagpu-16g",
            },
            40,
            (8, 0),
            {"1g.5gb": 7, "2g.10gb": 3, "3g.20gb": 2, "7g.40gb": 1},
        ),
        Accelerator.NVIDIA_A100_80GB: AcceleratorFacts(
            {1: "a2-ultragpu-1g", 2: "a2-ultragpu-2g", 4: "a2-ultragpu-4g", 8: "a2-ultragpu-8g"},
            80,
            (8, 0),
            {"1g.10gb": 7, "2g.20gb": 3, "3g.40gb": 2, "7g.80gb": 1},
        ),
        Accelerator.NVIDIA_H100_80GB: AcceleratorFacts(
            {1: "a3-highgpu-1g", 2: "a3-highgpu-2g", 4: "a3-highgpu-4g", 8: "a3-highgpu-8g"},
            80,
            (9, 0),
            _H100_MIG_SIZES,
        ),
        Accelerator.NVIDIA_H100_MEGA_80GB: AcceleratorFacts({8: "a3-megagpu-8g"}, 80, (9, 0), _H100_MIG_SIZES),
        Accelerator.NVIDIA_H200_141GB: AcceleratorFacts(
            {8: "a3-ultragpu-8g"},
            141,
            (9, 0),
            {"1g.18gb": 7, "1g.35gb": 4, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1},
        ),
        Accelerator.NVIDIA_B200: AcceleratorFacts(
            {8: "a4-highgpu-8g"},
            180,
            (10, 0),
            {"1g.23gb": 7, "1g.45gb": 4, "2g.45gb": 3, "3g.90gb": 2, "4g.90gb": 1, "7g.180gb": 1},
        ),
    }
)


_SMALLER_AND_LARGER_L4 = ("g2-standard-4", "g2-standard-8", "g2-standard-16", "g2-standard-32")

BUILT_IN: Mapping[str, tuple[int, Accelerator]] = MappingProxyType(
    {
        **{
            machine: (count, accelerator)
            for accelerator, facts in FACTS.items()
            for count, machine in facts.machine_types.items()
            if not machine.startswith("n1-")
        },
        **dict.fromkeys(_SMALLER_AND_LARGER_L4, (1, Accelerator.NVIDIA_L4)),
    }
)
"""What GPUs are built into a machine type. An N1 machine has those that are attached to it; of others none is counted.

Source: Google's page on accelerator-optimized machines.
"""

_ATTACHED_TO_N1 = (Accelerator.CPU, Accelerator.NVIDIA_TESLA_T4, Accelerator.NVIDIA_TESLA_V100)

_MACHINE_FAMILIES: Mapping[str, tuple[Accelerator, ...]] = MappingProxyType(
    {
        "n1-": _ATTACHED_TO_N1,
        "custom-": _ATTACHED_TO_N1,
        "g2-": (Accelerator.NVIDIA_L4,),
        "a2-highgpu-": (Accelerator.NVIDIA_TESLA_A100,),
        "a2-megagpu-": (Accelerator.NVIDIA_TESLA_A100,),
        "a2-ultragpu-": (Accelerator.NVIDIA_A100_80GB,),
        "a3-edgegpu-": (Accelerator.NVIDIA_H100_80GB,),
        "a3-highgpu-": (Accelerator.NVIDIA_H100_80GB,),
        "a3-megagpu-": (Accelerator.NVIDIA_H100_MEGA_80GB,),
        "a3-ultragpu-": (Accelerator.NVIDIA_H200_141GB,),
        "a4-": (Accelerator.NVIDIA_B200,),
    }
)
"""The accelerators of machine types that can have GPUs, by how their names begin; `custom-` without a family is N1's.

Sources: Google's pages on accelerator-optimized machines and on GPUs for N1 machines, which are the only ones that GPUs
are attached to, and on custom machine types.
"""


def accelerators_with(machine_type: str) -> tuple[Accelerator, ...]:
    """The accelerators of pools whose nodes can have a machine type; only `cpu` where it has none of the GPUs here."""
    found = (accelerators for start, accelerators in _MACHINE_FAMILIES.items() if machine_type.startswith(start))
    return next(found, (Accelerator.CPU,))


def mig_instances_per_gpu(accelerator: Accelerator) -> Mapping[str, int]:
    """MIG profile → instances of it on one GPU; empty for accelerators without MIG and for `cpu`."""
    facts = FACTS.get(accelerator)
    return facts.mig_sizes if facts else {}


def dotted(compute_capability: tuple[int, int]) -> str:
    """A compute capability as NVIDIA writes it, as `9.0`."""
    return ".".join(map(str, compute_capability))


CONFIDENTIAL_TECHNOLOGIES: Mapping[str, str] = MappingProxyType(
    {"a3-highgpu-1g": "TDX", "c2d-": "SEV", "c3-": "TDX", "c3d-": "SEV", "n2d-": "SEV"}
)
"""What GKE's machine types, by how their names begin, encrypt their memory with: AMD's SEV or Intel's TDX.

Sources: Google's lists of machine types for Confidential VMs and for GPUs on Confidential GKE Nodes, November 2026.
"""


def confidential_technology(machine_type: str) -> str | None:
    """What encrypts the memory of a machine type's nodes; None where GKE offers no confidential nodes of it."""
    found = (technology for start, technology in CONFIDENTIAL_TECHNOLOGIES.items() if machine_type.startswith(start))
    return next(found, None)
