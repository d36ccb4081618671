"""Requests to a pod's port, which the API server forwards.

A forwarded port ends inside the pod, so network policies stay as they are, and nothing is made on the cluster. Loads
the Kubernetes client, which takes a second.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from infra.audit.errors import impossible
from infra.live.cluster import LiveCluster
from infra.live.gateway import ForwardedConnection


@dataclass(frozen=True)
class Sent:
    """One request as it goes out; neither its body nor its headers are shown, which hold keys and prompts."""

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


def forwarded(cluster: LiveCluster, pod: tuple[str, str], port: int, sent: Sent, without: str) -> tuple[int, str]:
    """One request on a connection of its own: status and body.

    Args:
        cluster: The cluster.
        pod: Its namespace and name.
        port: The pod's port, or one that only the pod itself reaches.
        sent: The request.
        without: What an audit can leave out if this fails, in words.

    Raises:
        CommandFailedError: The pod cannot be reached, or does not answer.
    """
    namespace, name = pod
    connection = ForwardedConnection(cluster, namespace, name, port)
    try:
        content = None if sent.body is None else json.dumps(sent.body)
        connection.request(sent.method, sent.path, content, dict(sent.headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise impossible(
            f"pod {namespace}/{name} does not answer on port {port} ({type(error).__name__})",
            f"run the audit again, or leave {without} out with --only",
        ) from None
    finally:
        connection.close()


def with_key(key: str | None) -> dict[str, str]:
    """The headers of a request in JSON, with a key or without any."""
    kind = {"Content-Type": "application/json"}
    return kind if key is None else {**kind, "Authorization": f"Bearer {key}"}


def json_object(text: str) -> dict[str, Any]:
    """A JSON object; an empty one where the text is none."""
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def member(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object inside another; an empty one where it is none."""
    found: object = document.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
