"""What an audit really makes on a cluster, and how all of it goes again."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Any, cast

from infra.audit.cluster import Answer, Cluster, Kind
from infra.audit.errors import left_behind
from infra.audit.parallel import at_once
from infra.blueprint.model import MANAGED_BY_LABELS
from infra.faults import CommandFailedError

AUDIT_LABEL = "bulkhead.dev/audit"
"""On everything that an audit makes; its value names the run."""
GONE_SECONDS = 60
"""How long the end of the objects is waited for."""
_POLL_SECONDS = 0.2
_AGAIN_SECONDS = 1.0
"""Before what was refused is asked again."""

_NOT_FOUND = 404
"""Of an object: it is gone. Of a list: the kind is gone, or was never there."""
_NO_ANSWER = 599
"""Stands for the status of an answer that never came."""

_REPLICA_SET = Kind("apps/v1", "replicasets", namespaced=True)
_AT_ONCE = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}


Right = tuple[str, str, str]
"""Verb, API group and resource, with a subresource after a slash."""


def rights_to_make(cluster: Cluster, kinds: Iterable[tuple[str, str]]) -> list[Right]:
    """What it takes to make objects, and to find and remove them again.

    Args:
        cluster: The cluster; a kind that it does not have is not made there.
        kinds: (API version, kind) of the objects.
    """
    wanted = frozenset(kinds)
    made = [kind for api_version, name in wanted if (kind := cluster.kind(api_version, name)) is not None]
    found = made if ("apps/v1", "Deployment") not in wanted else [*made, _REPLICA_SET]
    rights = [
        *(("create", kind.group, kind.plural) for kind in made),
        *((verb, kind.group, kind.plural) for kind in found for verb in ("list", "delete")),
    ]
    return sorted(rights, key=lambda right: (right[2], right[0]))


class Leftovers:
    """Makes labelled objects and removes everything with the run's label, whatever interrupted the run.

    A place is remembered before anything is made there, so that an answer that never came is covered as well.
    """

    def __init__(self, cluster: Cluster, run: str) -> None:
        self._cluster = cluster
        self.run = run
        self._places: set[tuple[Kind, str | None]] = set()
        self._changed = Condition()
        self._making = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the run is over, so that nobody need wait for anything any more."""
        return self._closed

    def labelled(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """`manifest` with the run's label, and whose it is."""
        metadata = cast("dict[str, Any]", manifest.get("metadata", {}))
        labels = {**metadata.get("labels", {}), **MANAGED_BY_LABELS, AUDIT_LABEL: self.run}
        marked = {**manifest, "metadata": {**metadata, "labels": labels}}
        return self._with_labelled_template(marked) if manifest["kind"] == "Deployment" else marked

    def _with_labelled_template(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """A Deployment whose ReplicaSets carry the label, too: they go after it, and are waited for."""
        template = manifest["spec"]["template"]
        labels = {**template["metadata"]["labels"], AUDIT_LABEL: self.run}
        template = {**template, "metadata": {**template["metadata"], "labels": labels}}
        return {**manifest, "spec": {**manifest["spec"], "template": template}}

    def make(self, manifest: Mapping[str, Any]) -> Answer:
        """Create an object for the time of the run; the answer may be a refusal."""
        kind = self._cluster.kind(str(manifest["apiVersion"]), str(manifest["kind"]))
        if kind is None:
            return Answer(404, {"message": f"the cluster has no kind {manifest['kind']}"})
        namespace = manifest["metadata"].get("namespace")
        with self._changed:
            if self._closed:
                return Answer(410, {"message": "the audit is over"})
            self._making += 1
            self._places.add((kind, namespace))
            if manifest["kind"] == "Deployment":
                self._places.add((_REPLICA_SET, namespace))
        try:
            return self._cluster.call("POST", kind.path(namespace), self.labelled(manifest))
        finally:
            with self._changed:
                self._making -= 1
                self._changed.notify_all()

    def remove(self) -> None:
        """Delete everything that this run has made, and wait until it is gone; nothing can be made any more.

        What could not be listed or deleted is tried again until the time is over: one answer that fails keeps nobody
        from the rest.

        Raises:
            CommandFailedError: Something is still there, or may be; names it and how to remove it.
        """
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._making == 0)
        deadline = time.monotonic() + GONE_SECONDS
        refusals = self._deleted(self._found().items)
        while not (found := self._found()).nothing:
            if time.monotonic() > deadline:
                raise self._left_behind(found, refusals)
            again = [item for item in found.items if item not in refusals or refusals[item]]
            time.sleep(_AGAIN_SECONDS if again or found.unseen else _POLL_SECONDS)
            refusals |= self._deleted(again)

    def _left_behind(self, found: "_Found", refusals: Mapping["_Item", str]) -> CommandFailedError:
        still = [f"{item.words}{f' ({refusals[item]})' if refusals.get(item) else ''}" for item in found.items]
        wrong = [
            *([f"what the audit made is not gone after {GONE_SECONDS} s: {', '.join(still)}"] if still else []),
            *(f"whether any {place} of its own are left cannot be told ({why})" for place, why in found.unseen),
        ]
        kinds = ",".join(sorted({kind.resource for kind, _ in self._places}))
        return left_behind(
            "; ".join(wrong), f"kubectl delete {kinds} --all-namespaces --selector {AUDIT_LABEL}={self.run}"
        )

    def _deleted(self, items: "Sequence[_Item]") -> dict["_Item", str]:
        """Object → why it could not be deleted, after all were asked to go."""
        return dict(zip(items, at_once(self._delete, items), strict=True))

    def _delete(self, item: "_Item") -> str:
        """Why an object could not be deleted; empty where it is gone or goes."""
        answer = self._asked("DELETE", item.path, body=_AT_ONCE)
        return "" if answer.accepted or answer.status == _NOT_FOUND else _why(answer)

    def _found(self) -> "_Found":
        places = sorted(self._places, key=lambda place: (place[0].plural, place[1] or ""))
        answers = at_once(self._listed, places)
        return _Found(
            tuple(
                item
                for (kind, namespace), answer in zip(places, answers, strict=True)
                for item in _items(kind, namespace, answer)
            ),
            tuple(
                (f"{kind.plural} in {namespace}" if namespace else kind.plural, _why(answer))
                for (kind, namespace), answer in zip(places, answers, strict=True)
                if not answer.accepted and answer.status != _NOT_FOUND
            ),
        )

    def _listed(self, place: tuple[Kind, str | None]) -> Answer:
        kind, namespace = place
        return self._asked("GET", kind.path(namespace), query={"labelSelector": f"{AUDIT_LABEL}={self.run}"})

    def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request of the removal; that the API server does not answer is an answer as any other that fails."""
        try:
            return self._cluster.call(method, path, body, query=query)
        except CommandFailedError as error:
            return Answer(_NO_ANSWER, {"message": error.faults[0].wrong})


@dataclass(frozen=True)
class _Item:
    """An object that is still there: its path, and how a person calls it, as `pods/bulkhead-workloads/name`."""

    path: str
    words: str


@dataclass(frozen=True)
class _Found:
    """What a look at every place found.

    Attributes:
        items: What is still there.
        unseen: (Place in words, why) of those that could not be looked at.
    """

    items: tuple[_Item, ...]
    unseen: tuple[tuple[str, str], ...]

    @property
    def nothing(self) -> bool:
        """Whether it is known that nothing is there."""
        return not self.items and not self.unseen


def _items(kind: Kind, namespace: str | None, answer: Answer) -> Iterator[_Item]:
    for item in cast("list[Any]", answer.document.get("items") or []) if answer.accepted else []:
        name = str(item["metadata"]["name"])
        words = "/".join(part for part in (kind.plural, namespace, name) if part)
        yield _Item(kind.path(namespace, name), words)


def _why(answer: Answer) -> str:
    return str(answer.document.get("message") or f"HTTP {answer.status}")
