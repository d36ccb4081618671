"""Simulated H100 nodes: MIG instances open to several tenants, and whole GPUs that are one tenant's."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab.cluster import Kubectl
from lab.cluster.simulated_nodes import SPARE_POD_NETWORKS, simulated_node

POOL_LABEL = "example.com/pool"
ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
DEDICATED = "bulkhead.dev/dedicated-to"
H100 = "nvidia-h100-80gb"
MIG_SIZE = "1g.10gb"
MIG_INSTANCE = f"nvidia.com/mig-{MIG_SIZE}"
WHOLE_GPU = "nvidia.com/gpu"
MIG_INSTANCES_PER_GPU = 7


@dataclass(frozen=True)
class H100Pool:
    """A pool of nodes with H100s; `owner` has it alone, and without one its GPUs are divided by MIG."""

    name: str
    owner: str | None
    nodes: int
    gpus: int = 1

    @property
    def document(self) -> dict[str, Any]:
        """The pool in a stack file."""
        own = {"partition": {"kind": "mig", "size": MIG_SIZE}} if self.owner is None else {"dedicated_to": self.owner}
        return {
            "name": self.name,
            "accelerator": H100,
            "gpus_per_node": self.gpus,
            "nodes": {"min": self.nodes, "max": self.nodes},
            "node_labels": dict(self.labels),
            **own,
        }

    @property
    def labels(self) -> Mapping[str, str]:
        """What tells its nodes apart; Kueue needs a label that the lab's own GPU nodes have as well."""
        return {ACCELERATOR_LABEL: H100, POOL_LABEL: self.name}

    @property
    def devices(self) -> Mapping[str, int]:
        """What each node shows."""
        divided = {MIG_INSTANCE: self.gpus * MIG_INSTANCES_PER_GPU}
        return divided if self.owner is None else {WHOLE_GPU: self.gpus}

    @property
    def taints(self) -> tuple[Mapping[str, str], ...]:
        """What the pool's operator puts on its nodes."""
        return ({"key": DEDICATED, "value": self.owner, "effect": "NoSchedule"},) if self.owner else ()


@contextmanager
def h100_nodes(kubectl: Kubectl, pools: Iterable[H100Pool]) -> Generator[None]:
    """The pools' nodes, for a while."""
    named = [(f"bulkhead-simulated-{pool.name}-{index}", pool) for pool in pools for index in range(pool.nodes)]
    kubectl.apply(
        simulated_node(name, network, pool.labels, pool.devices, pool.taints)
        for (name, pool), network in zip(named, SPARE_POD_NETWORKS, strict=False)
    )
    nodes = [f"node/{name}" for name, _ in named]
    kubectl.run("wait", *nodes, "--for=condition=Ready", "--timeout=60s", timeout=90)
    try:
        yield
    finally:
        kubectl.run("delete", *nodes, "--wait=false")


@contextmanager
def node_beside(
    kubectl: Kubectl,
    pool: H100Pool,
    *,
    labels: Mapping[str, str] | None = None,
    devices: Mapping[str, int] | None = None,
    tainted: bool = True,
) -> Generator[str]:
    """One node more of a pool, for a while, which need not be as its stack file says; its name.

    Args:
        kubectl: The lab's.
        pool: The pool.
        labels: Labels beside the pool's.
        devices: What it shows in place of what the pool's nodes do.
        tainted: Whether it has the pool's own taints.
    """
    name = f"bulkhead-simulated-{pool.name}-beside"
    own = {**pool.labels, **(labels or {})}
    taints = pool.taints if tainted else ()
    kubectl.apply([simulated_node(name, SPARE_POD_NETWORKS[-1], own, devices or pool.devices, taints)])
    try:
        yield name
    finally:
        kubectl.run("delete", f"node/{name}", "--wait=true", timeout=90)
