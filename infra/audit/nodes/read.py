"""The nodes of a cluster, as its API server lists them. Reads, and does nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra import quantities, values
from infra.audit.cluster import Cluster
from infra.audit.errors import impossible
from infra.blueprint.devices import GPU_PREFIX
from infra.blueprint.model import TaintPart

NODES = "/api/v1/nodes"


@dataclass(frozen=True)
class Node:
    """What a node shows of itself.

    Attributes:
        name: Its name.
        labels: Its labels.
        taints: Its taints.
        devices: Resource name under `nvidia.com/` → how many it shows, none that are 0.
    """

    name: str
    labels: Mapping[str, str]
    taints: frozenset[TaintPart]
    devices: Mapping[str, int]


def nodes_of(cluster: Cluster) -> tuple[Node, ...]:
    """Every node of the cluster.

    Raises:
        CommandFailedError: The cluster does not let the caller list them.
    """
    answer = cluster.call("GET", NODES)
    if not answer.accepted:
        raise impossible(
            f"the cluster does not let you list its nodes ({answer.document.get('message', answer.status)})",
            "run the audit as an administrator of the cluster",
        )
    return tuple(_node(values.mapping(item)) for item in values.listed(answer.document.get("items")))


def _node(item: Mapping[str, Any]) -> Node:
    metadata, spec = values.mapping(item.get("metadata")), values.mapping(item.get("spec"))
    taints = map(values.mapping, values.listed(spec.get("taints")))
    return Node(
        name=str(metadata.get("name", "")),
        labels={key: str(value) for key, value in values.mapping(metadata.get("labels")).items()},
        taints=frozenset(
            TaintPart(str(one.get("key", "")), str(one.get("value") or ""), str(one.get("effect", "")))
            for one in taints
        ),
        devices=_devices(values.mapping(item.get("status"))),
    )


def _devices(status: Mapping[str, Any]) -> dict[str, int]:
    """The larger of what a node has and what it gives: a device that is ill is in the first alone."""
    found: dict[str, int] = {}
    for key in ("capacity", "allocatable"):
        for resource, amount in values.mapping(status.get(key)).items():
            if resource.startswith(GPU_PREFIX) and (count := _count(str(amount))):
                found[resource] = max(count, found.get(resource, 0))
    return found


def _count(amount: str) -> int:
    """A number of devices; 0 where it is none that Kubernetes would write of devices."""
    try:
        return quantities.whole(amount)
    except ValueError:
        return 0
