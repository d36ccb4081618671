"""The page of accelerators, made from what the loader checks stack files against."""

from collections.abc import Mapping

from infra.config.accelerators import Accelerator, AcceleratorFacts, dotted
from infra.report.markdown import code, page, table


def accelerator_reference(facts: Mapping[Accelerator, AcceleratorFacts]) -> str:
    """The page, as Markdown."""
    return page(
        "Accelerators",
        "What `accelerator`, `gpus_per_node`, `machine_type` and `partition` of a pool can be. Sources: GKE's GPU"
        " documentation and NVIDIA's MIG user guide, read in November 2026; the sizes of H200 and B200 have not been"
        " confirmed on hardware. Memory and compute capability are NVIDIA's published figures.",
        "## GPUs on a node, and the machine type that GKE uses for them",
        table(
            ["accelerator", "memory", "compute capability", "GPUs on a node: machine type"],
            (
                [code(name), f"{of.gigabytes} GB", dotted(of.compute_capability), _machines(of)]
                for name, of in facts.items()
            ),
        ),
        "## MIG sizes",
        table(
            ["accelerator", "size: instances on one GPU"],
            ([code(name), _sizes(of)] for name, of in facts.items() if of.mig_sizes),
        ),
        "Accelerators that are not in this table have no MIG.",
    )


def _machines(facts: AcceleratorFacts) -> str:
    return ", ".join(f"{count}: {code(machine)}" for count, machine in sorted(facts.machine_types.items()))


def _sizes(facts: AcceleratorFacts) -> str:
    return ", ".join(f"{code(size)}: {count}" for size, count in facts.mig_sizes.items())
