"""What an audit really makes on a cluster, and how all of it goes again."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Condition
from typing import Any, cast

from infra.audit.cluster import Answer, Cluster, Kind
from infra.audit.errors import left_behind
from infra.audit.parallel import at_once
from infra.blueprint.model import MANAGED_BY_LABELS

AUDIT_LABEL = "bulkhead.dev/audit"
"""On everything that an audit makes; its value names the run."""
GONE_SECONDS = 60
"""How long the end of the objects is waited for."""
_POLL_SECONDS = 0.2

_REPLICA_SET = Kind("apps/v1", "replicasets", namespaced=True)
_AT_ONCE = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}


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

        Raises:
            CommandFailedError: Something is still there; names it and how to remove it.
        """
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._making == 0)
        at_once(lambda item: self._cluster.call("DELETE", item.path, _AT_ONCE), self._left())
        deadline = time.monotonic() + GONE_SECONDS
        while left := self.left():
            if time.monotonic() > deadline:
                raise left_behind(
                    f"what the audit made is not gone after {GONE_SECONDS} s: {', '.join(left)}",
                    f"kubectl delete --selector {AUDIT_LABEL}={self.run} those objects",
                )
            time.sleep(_POLL_SECONDS)

    def left(self) -> list[str]:
        """What this run has made and is still there, as `pods/bulkhead-workloads/name`."""
        return [item.words for item in self._left()]

    def _left(self) -> list["_Item"]:
        places = sorted(self._places, key=lambda place: (place[0].plural, place[1] or ""))
        return [item for items in at_once(self._in, places) for item in items]

    def _in(self, place: tuple[Kind, str | None]) -> list["_Item"]:
        kind, namespace = place
        query = {"labelSelector": f"{AUDIT_LABEL}={self.run}"}
        answer = self._cluster.call("GET", kind.path(namespace), query=query)
        names = [str(item["metadata"]["name"]) for item in cast("list[Any]", answer.document.get("items", []))]
        return [
            _Item(
                kind.path(namespace, name),
                "/".join(part for part in (kind.plural, namespace, name) if part),
            )
            for name in names
        ]


@dataclass(frozen=True)
class _Item:
    """An object that is still there: its path, and how a person calls it."""

    path: str
    words: str
