"""A cluster that remembers what was asked, holds what was made, and answers what a test says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from infra.audit.cluster import Answer, Kind
from infra.audit.identity import Identity

PLURALS = {
    "Pod": "pods",
    "Deployment": "deployments",
    "Namespace": "namespaces",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
}


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    query: Mapping[str, str]
    identity: Identity | None

    @property
    def dry(self) -> bool:
        return self.query.get("dryRun") == "All"


@dataclass
class FakeCluster:
    """Answers dry runs with `answer`; makes, lists and deletes everything else."""

    answer: Callable[[Asked], Answer] = lambda asked: Answer(200, {})
    asked: list[Asked] = field(default_factory=list[Asked])
    objects: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    lock: Lock = field(default_factory=Lock)
    nodes: Sequence[Mapping[str, Any]] = ({"metadata": {"name": "node"}},)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> Answer:
        asked = Asked(method, path, body, query or {}, identity)
        with self.lock:
            self.asked.append(asked)
        if asked.dry or path.endswith("accessreviews"):
            return self.answer(asked)
        return self._really(asked)

    def _really(self, asked: Asked) -> Answer:
        with self.lock:
            if asked.method == "POST" and asked.body is not None:
                self.objects[f"{asked.path}/{asked.body['metadata']['name']}"] = asked.body
                return Answer(201, asked.body)
            if asked.method == "DELETE":
                return Answer(200 if self.objects.pop(asked.path, None) else 404, {})
            if asked.path == "/api/v1/nodes":
                return Answer(200, {"items": list(self.nodes)})
            key, _, value = asked.query.get("labelSelector", "").partition("=")
            return Answer(
                200,
                {
                    "items": [
                        item
                        for path, item in self.objects.items()
                        if path.rpartition("/")[0] == asked.path and item["metadata"]["labels"].get(key) == value
                    ]
                },
            )

    def kind(self, api_version: str, kind: str) -> Kind | None:
        namespaced = not kind.startswith("Cluster") and kind not in {"Namespace", "Node"}
        return Kind(api_version, PLURALS.get(kind, f"{kind.lower()}s"), namespaced)
