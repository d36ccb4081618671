"""What nodes show of themselves, against the stack's pools. Pure.

The device plugin's configuration is the cluster operator's, and so are taints on a cluster that exists already: no
request can be refused for them. But sharing shows on the node: by labels (GKE's, and those of NVIDIA's GPU feature
discovery), by resource names, or as more devices than its GPUs have. So do GPUs that MIG does not divide, and a taint
that is not there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from infra.audit.nodes.read import Node
from infra.audit.results import Observation, Outcome, Probe
from infra.blueprint.devices import (
    GKE_SHARING_LABELS,
    GPU_PREFIX,
    MPS_LABEL,
    PRODUCT_ENDING,
    REPLICAS_ENDING,
    SHARED_PRODUCT,
    SHARED_SUFFIX,
    STRATEGY_ENDING,
    UNSHARED_LABELS,
    WHOLE_GPU,
)
from infra.blueprint.model import Blueprint, PoolPart, TaintPart
from infra.blueprint.nodes import dedicated_taint
from infra.config.trust import ControlId
from infra.config.words import counted, first_of

SOURCES = {
    ControlId.HW1: "NVIDIA's MIG user guide; Kubernetes' documentation on taints",
    ControlId.HW2: "NVIDIA's device plugin and GPU feature discovery; GKE's documentation on GPU sharing",
    ControlId.HW3: "Kubernetes' documentation on taints and multi-tenancy",
}
"""Control that nodes tell of → where what breaks it is known from."""

_UNSHARED = frozenset({*UNSHARED_LABELS.values(), "0"})
"""What labels say of nodes that share nothing; of a MIG size of which there are no instances there are no replicas."""
_KEEPING_OFF = ("NoSchedule", "NoExecute")
_FAULTS_SHOWN = 4


@dataclass(frozen=True)
class _Look:
    """One thing that nodes were looked at for.

    Attributes:
        case: Its id.
        control: What does not hold where there are faults.
        about: What could happen.
        faults: What nodes show that lets it happen.
        otherwise: What they show where there are none.
        missing: Why nothing can be told; empty where it can.
    """

    case: str
    control: ControlId
    about: str
    faults: Sequence[str] = ()
    otherwise: str = ""
    missing: str = ""


def nodes_judged(nodes: Sequence[Node], blueprint: Blueprint, claimed: frozenset[ControlId]) -> tuple[Observation, ...]:
    """What the nodes say of HW1 to HW3, pool by pool.

    A pool without nodes, as one that is scaled to zero, or whose nodes show no GPUs yet, is said, and breaks nothing.

    Args:
        nodes: Every node of the cluster.
        blueprint: What the stack deploys.
        claimed: The controls that the stack claims.
    """
    pools = blueprint.pools
    looks = [look for pool in pools for look in _pool_looks(pool, [node for node in nodes if _is_of(pool, node)])]
    looks += _elsewhere([node for node in nodes if not any(_is_of(pool, node) for pool in pools)])
    told = {look.control for look in looks}
    looks += (_NOTHING[control] for control in SOURCES if control not in told)
    return tuple(_observed(look, claimed) for look in looks)


_NOTHING = {
    ControlId.HW1: _Look("partitions", ControlId.HW1, "GPUs without a boundary", missing="no pool has GPUs"),
    ControlId.HW2: _Look(
        "shared-gpus", ControlId.HW2, "GPUs that several share", missing="no pool and no node has GPUs"
    ),
    ControlId.HW3: _Look("taints", ControlId.HW3, "a tenant's nodes open to all", missing="no pool is dedicated"),
}


def _is_of(pool: PoolPart, node: Node) -> bool:
    """Whether workloads of the pool are sent to the node; where no label tells its nodes, none is known to be."""
    return bool(pool.node_labels) and pool.node_labels.items() <= node.labels.items()


def _pool_looks(pool: PoolPart, nodes: Sequence[Node]) -> Iterator[_Look]:
    absent, owner = "" if nodes else f"{pool.name} has no node now", pool.dedicated_to
    if pool.is_gpu:
        without = absent or ("" if any(node.devices for node in nodes) else f"no node of {pool.name} shows GPUs yet")
        yield _divided(pool, nodes, without) if owner is None else _closed(pool, owner, nodes, absent)
        yield _sharing(pool, nodes, without)
    if owner is not None:
        unknown = "" if pool.node_labels else f"no label tells which nodes are {pool.name}'s"
        yield _taint(pool, owner, nodes, unknown or absent)


# --- HW1: a boundary between tenants ----------------------------------------------------------------------------


def _closed(pool: PoolPart, owner: str, nodes: Sequence[Node], missing: str) -> _Look:
    """Of a pool that is dedicated: whether others stay off its nodes, however its GPUs are divided."""
    kept_off = _taint(pool, owner, nodes, missing)
    about = f"others beside {owner} on the nodes of {pool.name}"
    return replace(kept_off, case=f"partition-of-{pool.name}", control=ControlId.HW1, about=about)


def _divided(pool: PoolPart, nodes: Sequence[Node], missing: str) -> _Look:
    """Of an open pool: whether each device is one client's, and MIG's where the stack file says so."""
    about = f"two tenants on one device of {pool.name}{', or on a GPU that is not divided' if pool.is_mig else ''}"
    faults = [fault for node in nodes for fault in (*_undivided(pool, node), *_shared(pool, node))]
    how = "divided by MIG" if pool.is_mig else "handed out whole"
    otherwise = f"the GPUs of {counted(len(nodes), 'node')} are {how}"
    return _Look(f"partition-of-{pool.name}", ControlId.HW1, about, faults, otherwise, missing)


def _undivided(pool: PoolPart, node: Node) -> Iterator[str]:
    """GPUs that are handed out whole where MIG should divide them.

    GKE's instances have the name of whole GPUs, and only their number tells them from these.
    """
    whole = node.devices.get(WHOLE_GPU, 0)
    divided_by_name = pool.resource != WHOLE_GPU
    if pool.is_mig and whole and (divided_by_name or whole <= pool.gpus_per_node < pool.devices_per_node):
        yield f"{node.name} hands out {whole} {WHOLE_GPU}, where MIG divides each GPU by the stack file"


# --- HW2: one client on each device -----------------------------------------------------------------------------


def _sharing(pool: PoolPart, nodes: Sequence[Node], missing: str) -> _Look:
    faults = [fault for node in nodes for fault in _shared(pool, node)]
    otherwise = f"no device of {counted(len(nodes), 'node')} is handed to several: each has {_most(pool)} at most"
    about = f"several clients at once on one device of {pool.name}"
    return _Look(f"shared-gpus-of-{pool.name}", ControlId.HW2, about, faults, otherwise, missing)


def _elsewhere(nodes: Sequence[Node]) -> Iterator[_Look]:
    """Nodes of no pool: what sharing they show by a name, as nothing says how many GPUs they have."""
    with_gpus = [node for node in nodes if node.devices]
    if with_gpus:
        faults = [fault for node in with_gpus for fault in _advertised(node)]
        otherwise = f"{counted(len(with_gpus), 'node')} with GPUs beside the pools' advertise none"
        about = "several clients at once on one device of a node that is no pool's"
        yield _Look("shared-gpus-elsewhere", ControlId.HW2, about, faults, otherwise)


def _shared(pool: PoolPart, node: Node) -> Iterator[str]:
    yield from _advertised(node)
    count = node.devices.get(pool.resource, 0)
    if count > _unshared_devices(pool):
        yield (
            f"{node.name} shows {count} {pool.resource}, and unshared its GPUs are {_most(pool)}"
            f" (gpus_per_node: {pool.gpus_per_node} by the stack file)"
        )


def _advertised(node: Node) -> Iterator[str]:
    for key, value in sorted(node.labels.items()):
        if _says_shared(key, value):
            yield f"{node.name} has the label {key}={value}"
    for resource in sorted(node.devices):
        if resource.endswith(SHARED_SUFFIX):
            yield f"{node.name} shows {node.devices[resource]} {resource}"


def _says_shared(key: str, value: str) -> bool:
    if key in GKE_SHARING_LABELS:
        return True
    if not key.startswith(GPU_PREFIX):
        return False
    if key.endswith(PRODUCT_ENDING):
        return value.endswith(SHARED_PRODUCT)
    tells = key == MPS_LABEL or key.endswith((STRATEGY_ENDING, REPLICAS_ENDING))
    return tells and value not in _UNSHARED


def _most(pool: PoolPart) -> str:
    return f"{_unshared_devices(pool)} {pool.resource}"


def _unshared_devices(pool: PoolPart) -> int:
    """Devices that a node shows whose GPUs, or whose MIG instances, are one client's each."""
    return pool.devices_per_node if pool.is_mig else pool.gpus_per_node


# --- HW3: others stay off a tenant's nodes ----------------------------------------------------------------------


def _taint(pool: PoolPart, owner: str, nodes: Sequence[Node], missing: str) -> _Look:
    about = f"a pod that says nothing of nodes, on those of {pool.name}, which is dedicated to {owner}"
    taint = dedicated_taint(owner)
    faults = [f"{node.name} lacks the taint {taint}" for node in nodes if not _keeps_off(taint, node)]
    otherwise = f"the owner's taint is on all of {counted(len(nodes), 'node')}"
    return _Look(f"taint-of-{pool.name}", ControlId.HW3, about, faults, otherwise, missing)


def _keeps_off(taint: TaintPart, node: Node) -> bool:
    return any(replace(taint, effect=effect) in node.taints for effect in _KEEPING_OFF)


def _observed(look: _Look, claimed: frozenset[ControlId]) -> Observation:
    outcome = Outcome.FAILS if look.faults else Outcome.NOT_THERE if look.missing else Outcome.HOLDS
    return Observation(
        probe=Probe.NODES,
        case=look.case,
        control=look.control,
        attack=True,
        tenant="",
        identity="an administrator",
        about=look.about,
        outcome=outcome if look.control in claimed else Outcome.NOT_CLAIMED,
        seen=first_of(look.faults, _FAULTS_SHOWN) or look.missing or look.otherwise,
        source=SOURCES[look.control],
    )
