"""The objects of a cluster that admission policies look at. Reads, and does nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from infra.audit.cluster import Answer, Cluster, Kind
from infra.audit.errors import impossible

Manifest = Mapping[str, Any]

LEFT_OUT = frozenset({"bindings", "localqueues", "secrets"})
"""Resources that policies look at and this does not: bindings are nothing that exists, a platform's queues are its own,
and nobody's Secrets are read for a report."""
PAGE_SIZE = 500
_ABSENT = 404
_NAMESPACES = Kind("v1", "namespaces", namespaced=False)


@dataclass(frozen=True)
class Existing:
    """What was found.

    Attributes:
        objects: Every object that policies look at, with its API version and kind.
        namespaces: Name of a namespace → its labels, which policies select by.
    """

    objects: tuple[Manifest, ...]
    namespaces: Mapping[str, Mapping[str, str]]


def read_existing(cluster: Cluster, policies: Sequence[Manifest]) -> Existing:
    """Everything on the cluster that some policy looks at; kinds that are not installed are nowhere.

    Args:
        cluster: The cluster.
        policies: The policies' manifests.

    Raises:
        CommandFailedError: The cluster cannot be asked, does not say what it serves, or does not let the caller list.
    """
    namespaces = {
        str(item["metadata"]["name"]): cast("Mapping[str, str]", item["metadata"].get("labels") or {})
        for item in _listed(cluster, _NAMESPACES)
    }
    objects = [
        {**item, "apiVersion": kind.api_version, "kind": name}
        for kind, name in _kinds(cluster, policies)
        for item in _listed(cluster, kind)
    ]
    return Existing(tuple(objects), namespaces)


def _kinds(cluster: Cluster, policies: Sequence[Manifest]) -> Iterator[tuple[Kind, str]]:
    """How each resource that is looked at is addressed, and what its kind is called, in a fixed order."""
    for group, resource in sorted({*_resources(policies)}):
        version = _version(cluster, group)
        if version is None:
            continue
        served = _told(cluster.call("GET", f"/apis/{version}" if group else f"/api/{version}"), f"kinds of {version}")
        for entry in cast("list[dict[str, Any]]", served.document.get("resources") or []):
            if entry["name"] == resource:
                yield Kind(version, resource, bool(entry["namespaced"])), str(entry["kind"])


def _resources(policies: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """(API group, resource) of what policies look at; of a subresource nothing exists by itself."""
    for policy in policies:
        for rule in cast("list[dict[str, Any]]", policy["spec"]["matchConstraints"]["resourceRules"]):
            for group in cast("Iterable[str]", rule["apiGroups"]):
                for resource in cast("Iterable[str]", rule["resources"]):
                    if "/" not in resource and resource not in LEFT_OUT:
                        yield group, resource


def _version(cluster: Cluster, group: str) -> str | None:
    """The version of a group that the cluster prefers; None where it does not have the group."""
    if not group:
        return "v1"
    answer = cluster.call("GET", f"/apis/{group}")
    if answer.status == _ABSENT:
        return None
    return str(_told(answer, f"versions of {group}").document["preferredVersion"]["groupVersion"])


def _told(answer: Answer, asked: str) -> Answer:
    """An answer that was given: what the server would not or could not tell may be there all the same."""
    if not answer.accepted:
        raise impossible(
            f"the cluster does not tell which {asked} it serves ({answer.document.get('message', answer.status)})",
            "run the audit as an administrator of the cluster, once its API server answers",
        )
    return answer


def _listed(cluster: Cluster, kind: Kind) -> Iterator[Manifest]:
    """Every object of a kind in the whole cluster, page by page."""
    query = {"limit": str(PAGE_SIZE)}
    while True:
        answer = cluster.call("GET", kind.path(None), query=query)
        if not answer.accepted:
            raise impossible(
                f"the cluster does not let you list {kind.plural} ({answer.document.get('message', answer.status)})",
                "run the audit as an administrator of the cluster",
            )
        yield from cast("list[Manifest]", answer.document.get("items") or [])
        following = cast("Mapping[str, Any]", answer.document.get("metadata") or {}).get("continue")
        if not following:
            return
        query = {"limit": str(PAGE_SIZE), "continue": str(following)}
