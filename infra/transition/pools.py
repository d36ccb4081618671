"""Node pools with GPUs that keep their name and not their nodes: what GKE replaces, and what it renews."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.config.accelerators import FACTS, Accelerator
from infra.transition.state import Deployed, Record


@dataclass(frozen=True)
class Renewal:
    """A pool whose nodes are made anew, one after another, with what runs on them.

    Attributes:
        name: The node pool's name.
        because: What differs, in words.
        jobs: Tenants whose jobs may run there.
    """

    name: str
    because: str
    jobs: tuple[str, ...]

    @property
    def words(self) -> str:
        """What happens, for people."""
        of = f" (of {', '.join(self.jobs)})" if self.jobs else ""
        return (
            f"Node pool {self.name}: GKE renews its nodes, one after another, since {self.because}. Engines and"
            f" jobs{of} end with the node that they run on."
        )


def replaced_pools(before: Deployed, after: Deployed) -> Mapping[str, tuple[Record, Record]]:
    """Node pools that keep their name and get other GPUs: records before and after.

    Of what forces a replacement (`components/node_pool/replacement.py`) the accelerator alone is not in the name.
    """
    return {
        name: (record, after.pools[name])
        for name, record in _both(before, after)
        if record.get("accelerator") != after.pools[name].get("accelerator")
    }


def renewals(before: Deployed, after: Deployed) -> tuple[Renewal, ...]:
    """Node pools of which GKE changes the nodes by making them anew; those that it replaces are not among them."""
    replaced = replaced_pools(before, after)
    found = (
        Renewal(name, because, before.jobs.get(name, ()))
        for name, record in _both(before, after)
        if name not in replaced and (because := " and ".join(_differences(record, after.pools[name])))
    )
    return tuple(found)


def _both(before: Deployed, after: Deployed) -> Iterator[tuple[str, Record]]:
    return ((name, before.pools[name]) for name in sorted(before.pools.keys() & after.pools.keys()))


def _differences(was: Record, now: Record) -> Iterator[str]:
    disks = [record.get("boot_disk_gigabytes") for record in (was, now)]
    if None not in disks and disks[0] != disks[1]:
        was_disk, now_disk = disks
        yield (f"their boot disk, sized by the engines that can meet there, goes from {was_disk:g} to {now_disk:g} GB")
    machines = [_machine_type(record) for record in (was, now)]
    if None not in machines and machines[0] != machines[1]:
        yield f"their machine type goes from {machines[0]} to {machines[1]}"


def _machine_type(record: Record) -> str | None:
    """The machine type on GKE; a record names it where it is not the usual one."""
    if named := record.get("machine_type"):
        return str(named)
    accelerator = str(record.get("accelerator"))
    facts = FACTS.get(Accelerator(accelerator)) if accelerator in list(Accelerator) else None
    return facts.machine_types.get(int(record.get("gpus_per_node") or 1)) if facts else None
