"""`bulkhead:pools`: node pools, their accelerators and how each GPU is divided."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.config import forms
from infra.config.accelerators import FACTS, Accelerator, mig_instances_per_gpu
from infra.config.base import LabelKey, LabelValue, Name, StackFilePart

ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
MIG_SIZE_LABEL = "cloud.google.com/gke-gpu-partition-size"
SHARING_STRATEGY_LABEL = "cloud.google.com/gke-gpu-sharing-strategy"
CPU_MACHINE_TYPE = "e2-standard-8"
"""Room for the gateway, its database, Kueue and the cluster's own pods on one node."""
DEDICATED_KEY = "bulkhead.dev/dedicated-to"
"""The key of the taint that keeps other tenants off a dedicated pool; its value is the tenant's name."""


class WholePartition(StackFilePart):
    """Each GPU is handed out whole."""

    kind: Literal["whole"] = "whole"
    """`whole`: one device a GPU."""


class MigPartition(StackFilePart):
    """Each GPU is split by MIG into instances with memory and faults of their own."""

    kind: Literal["mig"]
    """`mig`: a hardware boundary between the devices of one GPU."""
    size: str = Field(pattern=forms.MIG_SIZE.pattern, examples=["1g.10gb"])
    """The MIG profile, as 1g.10gb; docs/reference/accelerators.md lists the sizes of each GPU."""


class TimeSlicingPartition(StackFilePart):
    """Each GPU is handed to several clients in turn, with no boundary between them."""

    kind: Literal["time_slicing"]
    """`time_slicing`: every client can reach the whole GPU's memory."""
    clients: int = Field(ge=2, le=48, examples=[4])
    """How many clients share one GPU."""


Partition = Annotated[WholePartition | MigPartition | TimeSlicingPartition, Field(discriminator="kind")]


class Sandbox(StrEnum):
    """What stands between containers and the kernel of their node."""

    GVISOR = "gvisor"


class NodeRange(StackFilePart):
    """How many nodes a pool may have."""

    min: int = Field(default=0, ge=0)
    """The fewest nodes that stay up."""
    max: int = Field(ge=1, le=1000, examples=[4])
    """The most nodes that the autoscaler, or the operator, brings up."""


class Pool(StackFilePart):
    """A node pool: created on GKE, described on an existing cluster."""

    name: Name = Field(examples=["l4"])
    """The pool's name, by which models and quotas refer to it."""
    accelerator: Accelerator = Field(examples=["nvidia-l4"])
    """The GPU type by GKE's name, or `cpu`. For another type add a pool of another name: the nodes cannot change it."""
    gpus_per_node: int | None = Field(default=None, ge=1, le=16, examples=[1])
    """GPUs on each node; 1 unless said, none on a `cpu` pool."""
    nodes: NodeRange = Field(examples=[{"min": 0, "max": 4}])
    """How many nodes the pool may have."""
    partition: Partition = WholePartition()
    """How each GPU is divided: `whole`, `mig` or `time_slicing`."""
    dedicated_to: Name | None = Field(default=None, examples=["research"])
    """The only tenant whose workloads may run here.

    On GKE the nodes are tainted for it. On an existing cluster its operator has to set the taint
    `bulkhead.dev/dedicated-to=<tenant>:NoSchedule` on them, or other workloads of the cluster can land there.
    """
    machine_type: str | None = Field(
        default=None, pattern=forms.MACHINE_TYPE.pattern, max_length=63, examples=["g2-standard-24"]
    )
    """GKE only: the machine type, when the usual one for the accelerator does not fit; with as many GPUs built in."""
    spot: bool = False
    """GKE only: whether the nodes are spot capacity, which can be reclaimed at 30 seconds' notice."""
    confidential: bool = False
    """GKE only: whether the nodes' memory is encrypted while in use, against whoever runs the hardware."""
    sandbox: Sandbox | None = Field(default=None, examples=["gvisor"])
    """GKE only: `gvisor` runs containers on a kernel of their own (GKE Sandbox). Engines here do so by themselves; jobs
    and other pods name `runtimeClassName: gvisor`, or GKE keeps them off these nodes."""
    node_labels: dict[LabelKey, LabelValue] | None = Field(
        default=None, min_length=1, examples=[{"example.com/pool": "l4"}]
    )
    """Existing clusters only: labels that select this pool's nodes, when the accelerator's own do not tell it apart."""

    @property
    def is_gpu(self) -> bool:
        """Whether the pool has GPUs."""
        return self.accelerator is not Accelerator.CPU

    @property
    def gpus_on_each_node(self) -> int:
        """GPUs on each node, 0 on a `cpu` pool."""
        return (self.gpus_per_node or 1) if self.is_gpu else 0

    @property
    def devices_per_gpu(self) -> int:
        """Devices that one GPU shows to Kubernetes: MIG instances, time-slicing clients, or 1."""
        match self.partition:
            case WholePartition():
                return 1
            case MigPartition(size=size):
                return mig_instances_per_gpu(self.accelerator).get(size, 0)
            case TimeSlicingPartition(clients=clients):
                return clients

    @property
    def devices_on_each_node(self) -> int:
        """Devices that each node shows to Kubernetes."""
        return self.gpus_on_each_node * self.devices_per_gpu

    @property
    def device_gigabytes(self) -> int:
        """GB of memory that one device has or, where GPUs are shared in time, can reach; 0 on a `cpu` pool."""
        if isinstance(self.partition, MigPartition):
            return int(self.partition.size.rpartition(".")[2].removesuffix("gb"))
        facts = FACTS.get(self.accelerator)
        return facts.gigabytes if facts else 0

    @property
    def compute_capability(self) -> tuple[int, int]:
        """What its GPUs can do, by NVIDIA's number; (0, 0) on a `cpu` pool."""
        facts = FACTS.get(self.accelerator)
        return facts.compute_capability if facts else (0, 0)

    @property
    def devices_at_most(self) -> int:
        """Devices that the pool has when it has grown to its maximum."""
        return self.devices_on_each_node * self.nodes.max

    @property
    def node_pool_name(self) -> str:
        """The pool's name with its partitioning, as `l4-whole`, `l4-whole-x2` (two GPUs a node) or `l4-whole-spot`.

        Every field that divides a GPU forces a node pool's replacement, and so do the count of GPUs, spot capacity,
        encrypted memory and a sandbox; a change of them must give another name: the new pool is made first, and the
        old one goes after its workloads have moved. The accelerator forces one, too, and is not in the name: pools are
        called after it as a rule, so another accelerator is another pool of the stack file.
        """
        count = f"-x{self.gpus_on_each_node}" if self.gpus_on_each_node > 1 else ""
        kinds = ("-spot" if self.spot else "") + ("-confidential" if self.confidential else "")
        kinds += f"-{self.sandbox}" if self.sandbox else ""
        return f"{self.name}{self._partition_suffix}{count}{kinds}"

    @property
    def gke_machine_type(self) -> str | None:
        """The machine type of its nodes on GKE; None where GKE offers none with so many GPUs."""
        facts = FACTS.get(self.accelerator)
        return self.machine_type or (facts.machine_types.get(self.gpus_on_each_node) if facts else CPU_MACHINE_TYPE)

    @property
    def can_be_made_on_gke(self) -> bool:
        """Whether GKE has a machine with so many of its GPUs, divided so."""
        return self.gke_machine_type is not None and (not self.is_gpu or self.devices_per_gpu > 0)

    @property
    def _partition_suffix(self) -> str:
        match self.partition:
            case _ if not self.is_gpu:
                return ""
            case WholePartition():
                return "-whole"
            case MigPartition(size=size):
                return f"-mig-{size.replace('.', '-')}"
            case TimeSlicingPartition(clients=clients):
                return f"-shared-{clients}"

    @property
    def gke_labels(self) -> dict[str, str]:
        """The labels by which GKE tells nodes with these GPUs apart; empty on a `cpu` pool."""
        if not self.is_gpu:
            return {}
        labels = {ACCELERATOR_LABEL: str(self.accelerator)}
        match self.partition:
            case MigPartition(size=size):
                labels[MIG_SIZE_LABEL] = size
            case TimeSlicingPartition():
                labels[SHARING_STRATEGY_LABEL] = "time-sharing"
            case WholePartition():
                pass
        return labels

    @property
    def flavor(self) -> str:
        """The GPU flavour: an accelerator with a partition, as `nvidia-l4/whole`."""
        match self.partition:
            case MigPartition(size=size):
                return f"{self.accelerator}/mig-{size}"
            case _:
                return f"{self.accelerator}/{self.partition.kind}"


class RetiringPool(Pool):
    """A node pool that stays until what runs on it has ended; `bulkhead transition` writes it."""

    boot_disk_gigabytes: int | None = Field(default=None, ge=10, le=65_536, examples=[235])
    """GB of boot disk that its nodes have: another number would replace them."""
