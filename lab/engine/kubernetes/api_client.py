"""A small Kubernetes API client: discovery, server-side apply, reads and deletes of any kind."""

import copy
import json
import logging
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import urllib3

from lab.engine.kubernetes.kubeconfig import Access
from lab.engine.kubernetes.objects import items, mapping

CONNECT_TIMEOUT_SECONDS: Final = 5.0
READ_TIMEOUT_SECONDS: Final = 60.0
CONNECTIONS: Final = 64
RETRIED_STATUSES: Final = frozenset({429, 503, 504})
"""Answers of an overloaded or starting API server; every request made here is safe to repeat."""
DISCOVERY_ACCEPT: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

Object = dict[str, Any]

# A retried connection is no news to the user; the one error at the end is.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


class ApiError(Exception):
    """The API server refused a request; `status` is the HTTP status and `body` its Status object."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.body = body
        super().__init__(str(body.get("message") or f"HTTP status {status}"))

    @property
    def details(self) -> Mapping[str, Any]:
        """The Status object's details, empty when it has none."""
        return mapping(self.body.get("details"))

    @property
    def causes(self) -> list[Object]:
        """The single causes, each with `field` and `message`."""
        return items(self.details.get("causes"))


class ClusterUnreachable(Exception):  # noqa: N818 - named for what the user reads
    """No answer from the API server at all."""


class KindMissing(ApiError):  # noqa: N818 - named for what the user reads
    """The server serves no such kind, as before its CustomResourceDefinition is installed."""

    def __init__(self, api_version: str, kind: str) -> None:
        message = (
            f'the cluster has no kind "{kind}" in "{api_version}"; '
            "is its CustomResourceDefinition installed, and does this resource depend on it?"
        )
        super().__init__(404, {"message": message})


@dataclass(frozen=True)
class Kind:
    """How a kind is served: its plural in the path, and whether its objects live in a namespace."""

    plural: str
    namespaced: bool


class ApiClient:
    """Requests to one API server as one user. Safe to use from many threads.

    `warned` is called with each warning that the server attaches to an answer.
    """

    def __init__(self, access: Access, warned: Callable[[str], None] = lambda _: None) -> None:
        self.access = access
        self.namespace = access.namespace or "default"
        self._warned = warned
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._lock = threading.Lock()
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            ssl_context=_tls(access) if access.server.startswith("https") else None,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS),
            retries=urllib3.Retry(
                4,
                connect=1,
                backoff_factor=0.3,
                status_forcelist=RETRIED_STATUSES,
                allowed_methods=None,
                raise_on_status=False,
            ),
        )

    def warning_to(self, warned: Callable[[str], None]) -> "ApiClient":
        """Return this client with another listener for warnings; connections and discovery stay shared."""
        other = copy.copy(self)
        other._warned = warned
        return other

    def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        headers: Mapping[str, str] | None = None,
        **query: str | None,
    ) -> Object:
        """Send a request and return the answer's JSON. Raises ApiError or ClusterUnreachable."""
        given = {key: value for key, value in query.items() if value is not None}
        url = self.access.server + path + (f"?{urllib.parse.urlencode(given)}" if given else "")
        sent = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        if self.access.token:
            sent["Authorization"] = f"Bearer {self.access.token}"
        try:
            answer = self._pool.request(
                method, url, body=None if body is None else json.dumps(body).encode(), headers=sent
            )
        except urllib3.exceptions.HTTPError as error:
            raise ClusterUnreachable(f"{self.access.server} does not answer: {_reason(error)}") from None
        for warning in answer.headers.getlist("Warning"):
            self._warned(_warning_text(warning))
        try:
            content: Any = json.loads(answer.data)
        except ValueError:
            content = {"message": answer.data.decode("utf-8", "replace")[:500].strip()}
        if answer.status >= 300:
            raise ApiError(answer.status, mapping(content))
        return content

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """Return how a kind is served, or None when the server has no such kind."""
        found = self._kinds_of(api_version, fresh=False).get(kind)
        return found or self._kinds_of(api_version, fresh=True).get(kind)

    def _kinds_of(self, api_version: str, fresh: bool) -> dict[str, Kind]:
        with self._lock:
            if not fresh and api_version in self._kinds:
                return self._kinds[api_version]
        try:
            resources = items(self.request("GET", _group_path(api_version)).get("resources"))
        except ApiError as error:
            if error.status != 404:
                raise
            resources = []
        kinds = {
            entry["kind"]: Kind(entry["name"], entry["namespaced"]) for entry in resources if "/" not in entry["name"]
        }
        with self._lock:
            self._kinds[api_version] = kinds
        return kinds

    def collection_path(self, api_version: str, kind: str, namespace: str | None = None) -> str:
        """Return the path of a kind's collection. Raises KindMissing."""
        served = self.kind(api_version, kind)
        if served is None:
            raise KindMissing(api_version, kind)
        inside = f"/namespaces/{namespace or self.namespace}" if served.namespaced else ""
        return f"{_group_path(api_version)}{inside}/{served.plural}"

    def path(self, obj: Object) -> str:
        """Return the path of one object. Raises KindMissing."""
        metadata = obj["metadata"]
        collection = self.collection_path(obj["apiVersion"], obj["kind"], metadata.get("namespace"))
        return f"{collection}/{urllib.parse.quote(metadata['name'], safe='')}"

    def apply(self, obj: Object, manager: str, dry_run: bool = False, force: bool = False) -> Object:
        """Apply server-side under a field manager and return the live object; unknown fields are refused."""
        return self.request(
            "PATCH",
            self.path(obj),
            obj,
            {"Content-Type": "application/apply-patch+yaml"},
            fieldManager=manager,
            force="true" if force else None,
            dryRun="All" if dry_run else None,
            fieldValidation="Strict",
        )

    def get(self, obj: Object) -> Object | None:
        """Return the live object, or None when it or its kind does not exist."""
        try:
            return self.request("GET", self.path(obj))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list_objects(
        self, api_version: str, kind: str, namespace: str | None = None, label_selector: str | None = None
    ) -> list[Object]:
        """Return the objects of a kind in one namespace, narrowed by a label selector."""
        found = items(
            self.request("GET", self.collection_path(api_version, kind, namespace), labelSelector=label_selector).get(
                "items"
            )
        )
        return [{"apiVersion": api_version, "kind": kind, **obj} for obj in found]

    def delete(self, obj: Object, policy: str) -> None:
        """Ask for the deletion of exactly this object (by uid, when known). Raises ApiError."""
        uid = obj["metadata"].get("uid")
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        if uid:
            options["preconditions"] = {"uid": uid}
        self.request("DELETE", self.path(obj), options)

    def server_version(self) -> str:
        """Return the server's version, as `v1.36.3`."""
        return self.request("GET", "/version")["gitVersion"]

    def api_versions(self) -> list[str]:
        """Return what Helm calls API versions: every `group/version` and `group/version/Kind` served."""
        found: list[str] = []
        for root in ("/api", "/apis"):
            groups = self.request("GET", root, headers={"Accept": f"{DISCOVERY_ACCEPT},application/json"})
            for group in items(groups.get("items")):
                name = mapping(group.get("metadata")).get("name")
                for version in items(group.get("versions")):
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    kinds = {
                        mapping(entry.get("responseKind")).get("kind", "") for entry in items(version.get("resources"))
                    }
                    found += [api_version, *(f"{api_version}/{kind}" for kind in sorted(kinds))]
        return found


def _group_path(api_version: str) -> str:
    return ("/apis/" if "/" in api_version else "/api/") + api_version


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=access.certificate_authority)
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.client_certificate:
        with tempfile.NamedTemporaryFile("w") as pair:
            pair.write(access.client_certificate)
            pair.flush()
            context.load_cert_chain(pair.name)
    return context


def _reason(error: Exception) -> str:
    """Return the innermost reason of a connection error, without Python's object names."""
    reason: object = error
    while inner := getattr(reason, "reason", None) or getattr(reason, "__cause__", None):
        if isinstance(inner, str):
            break
        reason = inner
    if isinstance(reason, urllib3.exceptions.ConnectTimeoutError):
        return f"no connection within {CONNECT_TIMEOUT_SECONDS:.0f} s"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {reason.verify_message}"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason).split(": ", 1)[-1]


def _warning_text(header: str) -> str:
    """Return the quoted text of an HTTP Warning header, as `299 - "text"`."""
    return header.split('"', 1)[1].rsplit('"', 1)[0].replace('\\"', '"') if '"' in header else header
