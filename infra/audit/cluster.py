"""The cluster that is audited: one request at a time, as whoever is asked for, answered with what the server said."""

import json
import re
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import quote, urlencode

import urllib3

from infra.audit.errors import impossible
from infra.audit.identity import Identity
from infra.blueprint.model import ClusterPart

CONNECT_SECONDS = 10
ANSWER_SECONDS = 60
RETRIES = 2
"""Only of what never reached the server: a connection that was refused or reset before an answer."""

THROTTLED_SECONDS = 20.0
"""How long one request waits, in all, for a server that asks it to come back later."""
_LATER = frozenset({429, 503})
"""By which a server asks that, with a `Retry-After` in seconds; it has not acted on the request then."""
_PAUSE_SECONDS = (0.2, 5.0)
"""The least and the most that is waited at once, whatever the server says."""

_WARNING = re.compile(r'^299 \S+ "(.*)"$', re.DOTALL)
"""How Kubernetes writes a warning's header (RFC 7234, code 299)."""


@dataclass(frozen=True)
class Answer:
    """What the API server said.

    Attributes:
        status: The HTTP status.
        document: The answer; empty when it is no JSON object.
        text: The answer as it came.
        warnings: What the server warns of, as a policy that only audits does.
    """

    status: int
    document: Mapping[str, Any]
    text: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the request was granted."""
        return self.status < 400


@dataclass(frozen=True)
class Kind:
    """How a kind is addressed: its API version, the plural in paths, and whether its objects have a namespace."""

    api_version: str
    plural: str
    namespaced: bool

    @property
    def group(self) -> str:
        """Its API group; the core's own has no name."""
        return self.api_version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """What kubectl calls it: the plural with its group, so that no other group's kind is meant."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of a collection, an object or a subresource."""
        place = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        tail = "".join(f"/{quote(part)}" for part in (name, subresource) if part)
        return f"{_root(self.api_version)}{place}/{self.plural}{tail}"


def _root(api_version: str) -> str:
    """Where the API server serves a version: the core's own alone has no group."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


class Cluster(Protocol):
    """What probes need of a cluster; safe to call from several threads."""

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> Answer:
        """One request; without an identity as whoever runs the audit. A PATCH is a merge patch."""
        ...

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """How a kind is addressed; None when the cluster does not have it."""
        ...


class AuditedCluster:
    """A real cluster, through the official client's configuration of a kubeconfig context."""

    def __init__(self, host: str, pool: urllib3.PoolManager, headers: Mapping[str, str]) -> None:
        self._host = host
        self._pool = pool
        self._headers = headers
        self._kinds: dict[tuple[str, str], Kind | None] = {}
        self._lock = threading.Lock()

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> Answer:
        """One request; while the server is throttled it is made again, for a while.

        Raises:
            CommandFailedError: The API server cannot be reached.
        """
        headers = urllib3.HTTPHeaderDict(self._headers)
        patch = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers["Content-Type"] = patch
        headers["Accept"] = "application/json"
        for name, value in identity.headers() if identity else ():
            headers.add(name, value)
        url = f"{self._host}{path}{f'?{urlencode(query)}' if query else ''}"
        content = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + THROTTLED_SECONDS
        while True:
            response = self._once(method, url, content, headers)
            pause = _pause(response)
            if pause is None or time.monotonic() + pause > deadline:
                return _answer(response.status, response.data, response.headers.getlist("Warning"))
            time.sleep(pause)

    def _once(
        self, method: str, url: str, content: bytes | None, headers: urllib3.HTTPHeaderDict
    ) -> urllib3.BaseHTTPResponse:
        # Left to itself, urllib3 counts an answer that asks to come back later as a retry that there may not be.
        retries = urllib3.Retry(
            connect=RETRIES, read=0, redirect=0, status=0, other=0, respect_retry_after_header=False
        )
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        try:
            return self._pool.request(method, url, body=content, headers=headers, timeout=timeout, retries=retries)
        except urllib3.exceptions.HTTPError as error:
            raise impossible(
                f"the API server at {self._host} does not answer ({type(error).__name__})",
                "check the context's address and your network, then run the audit again",
            ) from None

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """How a kind is addressed, from the server's own discovery; asked once for each version."""
        with self._lock:
            if (api_version, kind) not in self._kinds:
                self._discover(api_version)
            return self._kinds.setdefault((api_version, kind), None)

    def _discover(self, api_version: str) -> None:
        answer = self.call("GET", _root(api_version))
        for resource in cast("list[dict[str, Any]]", answer.document.get("resources", [])):
            if "/" not in resource["name"]:
                found = Kind(api_version, resource["name"], bool(resource["namespaced"]))
                self._kinds[api_version, resource["kind"]] = found


def _pause(response: urllib3.BaseHTTPResponse) -> float | None:
    """How long to wait before the request is made again, in seconds; None: it was answered."""
    said = response.headers.get("Retry-After", "")
    if response.status not in _LATER or not said.isdecimal():
        return None
    least, most = _PAUSE_SECONDS
    return min(max(float(said), least), most)


def _answer(status: int, data: bytes, warnings: Sequence[str]) -> Answer:
    text = data.decode("utf-8", errors="replace")
    try:
        document: Any = json.loads(text)
    except json.JSONDecodeError:
        document = {}
    found = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    return Answer(status, found, text, tuple(_WARNING.sub(r"\1", warning) for warning in warnings))


@contextmanager
def audited_cluster(part: ClusterPart, context: str | None = None) -> Generator[tuple[str, AuditedCluster]]:
    """The cluster of a stack, and the name of the context that reaches it.

    Args:
        part: The stack's cluster.
        context: The kubeconfig context to use; None: the stack's own, or what gcloud calls a GKE cluster's.

    Raises:
        CommandFailedError: There is no such context, or its credentials cannot be had.
    """
    # Here and not above: the client's thousands of models take more than a second to load.
    from infra.live.connection import client_of, context_of  # noqa: PLC0415

    name = context_of(part, context)
    client = client_of(part, name, impossible)
    headers: dict[str, str] = dict(client.default_headers)
    client.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
    pool = cast("urllib3.PoolManager", client.rest_client.pool_manager)
    try:
        yield name, AuditedCluster(str(client.configuration.host).rstrip("/"), pool, headers)
    finally:
        pool.clear()
