"""What an audit really makes on a cluster, and how all of it goes again."""

import time
from collections.abc import Mapping
from threading import Lock
from typing import Any, cast

from infra.audit.cluster import Answer, Cluster, Kind
from infra.audit.errors import AuditImpossibleError
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
        self._lock = Lock()

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
        with self._lock:
            self._places.add((kind, namespace))
            if manifest["kind"] == "Deployment":
                self._places.add((_REPLICA_SET, namespace))
        return self._cluster.call("POST", kind.path(namespace), self.labelled(manifest))

    def remove(self) -> None:
        """Delete everything that this run has made, and wait until it is gone.

        Raises:
            AuditImpossibleError: Something is still there; names it and how to remove it.
        """
        for kind, namespace in self._places:
            self._cluster.call("DELETE", kind.path(namespace), _AT_ONCE, query=self._selector())
        deadline = time.monotonic() + GONE_SECONDS
        while left := self.left():
            if time.monotonic() > deadline:
                raise AuditImpossibleError(
                    f"what the audit made is not gone after {GONE_SECONDS} s: {', '.join(left)}",
                    f"kubectl delete --selector {AUDIT_LABEL}={self.run} those objects",
                )
            time.sleep(_POLL_SECONDS)

    def left(self) -> list[str]:
        """What this run has made and is still there, as `pods/bulkhead-workloads/name`."""
        found: list[str] = []
        for kind, namespace in sorted(self._places, key=lambda place: (place[0].plural, place[1] or "")):
            answer = self._cluster.call("GET", kind.path(namespace), query=self._selector())
            for item in cast("list[dict[str, Any]]", answer.document.get("items", [])):
                metadata = item["metadata"]
                found.append("/".join(part for part in (kind.plural, namespace, metadata["name"]) if part))
        return found

    def _selector(self) -> dict[str, str]:
        return {"labelSelector": f"{AUDIT_LABEL}={self.run}"}
