"""The gateway and the engines of a running platform, through ports that the API server forwards.

Loads the Kubernetes client, which takes a second.
"""

import re
import secrets
from collections.abc import Mapping
from functools import cached_property

from components.gateway.pod import OBJECT_NAME as GATEWAY
from infra.audit.caches.door import Counted, EnginePod, Said
from infra.audit.errors import impossible
from infra.audit.forwarding import Sent, forwarded, json_object, member, with_key
from infra.blueprint.model import Blueprint
from infra.blueprint.names import workload_labels
from infra.blueprint.routes import PROMPT_PATH
from infra.live.accounts import read_keys
from infra.live.cluster import LiveCluster

WITHOUT = "caches"
_HITS = re.compile(r"^vllm:prefix_cache_hits_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
_QUERIES = re.compile(r"^vllm:prefix_cache_queries_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


class LiveCacheDoor:
    """The platform of a stack, as its tenants reach it."""

    def __init__(self, cluster: LiveCluster, blueprint: Blueprint) -> None:
        self._cluster = cluster
        self._blueprint = blueprint

    @cached_property
    def _keys(self) -> Mapping[str, str]:
        return read_keys(self._cluster, self._blueprint.gateway.namespace)

    def ask(self, tenant: str | None, model: str, prompt: str) -> Said:
        """Put a prompt to a model with a tenant's own key; with a made-up one where it is None.

        Raises:
            CommandFailedError: The gateway cannot be reached.
        """
        key = f"sk-{secrets.token_urlsafe(24)}" if tenant is None else self._keys.get(tenant)
        if key is None:
            return Said(0, reason="it has no key yet")
        gateway = self._blueprint.gateway
        pod = self._pods(gateway.namespace, {"app.kubernetes.io/name": GATEWAY})[0]
        body = {"model": model, "prompt": prompt, "max_tokens": 1}
        sent = Sent("POST", PROMPT_PATH, body, with_key(key))
        return said(*forwarded(self._cluster, (gateway.namespace, pod), gateway.port, sent, WITHOUT))

    def counted(self, model: str) -> Mapping[EnginePod, Counted]:
        """Engine's pod → what it has counted, of every pod that serves the model.

        Raises:
            CommandFailedError: An engine cannot be reached.
        """
        found: dict[EnginePod, Counted] = {}
        for engine in self._blueprint.engines:
            if engine.model == model:
                for pod in self._pods(engine.namespace, workload_labels("engine", engine.name)):
                    place = engine.namespace, pod
                    _, text = forwarded(self._cluster, place, engine.port, Sent("GET", "/metrics"), WITHOUT)
                    found[EnginePod(engine.name, pod)] = counted(text)
        return found

    def _pods(self, namespace: str, labels: Mapping[str, str]) -> list[str]:
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        pods = self._cluster.ready_pods(namespace, selector)
        if not pods:
            raise impossible(
                f"no pod of {selector} in {namespace} is ready, so that no cache can be asked",
                "wait until it is, or leave caches out with --only",
            )
        return [str(pod.metadata.name) for pod in pods if pod.metadata]


def said(status: int, text: str) -> Said:
    """What an answer of the gateway says; of a refusal the error's code alone, since its words may quote the prompt."""
    document = json_object(text)
    if status == 200:
        return Said(status, int(member(document, "usage").get("prompt_tokens") or 0))
    return Said(status, reason=str(member(document, "error").get("code") or ""))


def counted(metrics: str) -> Counted:
    """The counters of one engine's pod, of all that run in it together."""
    return Counted(_sum(_QUERIES, metrics), _sum(_HITS, metrics))


def _sum(pattern: re.Pattern[str], text: str) -> int:
    return round(sum(float(value) for value in pattern.findall(text)))
