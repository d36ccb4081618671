"""A cluster through the user's kubeconfig: the few reads that commands need, each failing in one clear way.

The official client takes a second to import, so this module is imported by whoever has a cluster to ask.
"""

import base64
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward  # pyright: ignore[reportUnknownVariableType]

from infra.blueprint.model import ClusterPart
from infra.faults import CommandFailedError
from infra.live.connection import client_of, context_of
from infra.live.errors import failure
from infra.values import mapping

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404

Result = TypeVar("Result")
WORKLOADS = ("kueue.x-k8s.io", "v1beta2", "workloads")
"""Group, version and plural of what Kueue makes of each job."""


@dataclass(frozen=True)
class Purpose:
    """What something is read for.

    Attributes:
        without: What follows where it must not be read.
        takes: What reading it takes.
    """

    without: str
    takes: str


FOR_ACCOUNTS = Purpose(
    "the tenants' accounts cannot be shown",
    "an administrator's context with --context NAME; reading takes `get` on secrets, configmaps, pods and"
    " deployments and `create` on pods/portforward in the gateway's namespace",
)
FOR_POOLS = Purpose(
    "whether anything runs on a node pool cannot be told",
    "an administrator's credentials for this context; it takes `list` on nodes, and on pods and"
    " workloads.kueue.x-k8s.io of every namespace",
)


class LiveCluster:
    """A cluster behind a context of the user's kubeconfig.

    Attributes:
        context: The context's name.
    """

    def __init__(self, context: str, api: Any) -> None:
        self.context = context
        self._core = client.CoreV1Api(api)
        self._apps = client.AppsV1Api(api)
        self._custom = client.CustomObjectsApi(api)
        self._api = api

    def secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """A Secret's values; None where there is no such Secret."""
        found = self._read(
            f"Secret {namespace}/{name}", lambda: self._core.read_namespaced_secret(name, namespace, **_timeouts())
        )
        data: Mapping[str, str] = (found.data or {}) if found else {}
        return None if found is None else {key: base64.b64decode(value).decode() for key, value in data.items()}

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """A ConfigMap's values; None where there is no such ConfigMap."""
        found = self._read(
            f"ConfigMap {namespace}/{name}",
            lambda: self._core.read_namespaced_config_map(name, namespace, **_timeouts()),
        )
        return None if found is None else dict(found.data or {})

    def mounted_config_maps(self, namespace: str, deployment: str) -> Mapping[str, str] | None:
        """Volume → ConfigMap of a Deployment's pods; None where there is no such Deployment."""
        found = self._read(
            f"Deployment {namespace}/{deployment}",
            lambda: self._apps.read_namespaced_deployment(deployment, namespace, **_timeouts()),
        )
        if found is None:
            return None
        volumes = found.spec.template.spec.volumes if found.spec.template.spec else None
        return {volume.name: str(volume.config_map.name) for volume in volumes or [] if volume.config_map}

    def ready_pod(self, namespace: str, selector: str) -> client.V1Pod | None:
        """A pod that is ready and is not being ended; None where there is none."""
        return next(iter(self.ready_pods(namespace, selector)), None)

    def ready_pods(self, namespace: str, selector: str) -> tuple[client.V1Pod, ...]:
        """The pods that are ready and are not being ended, by name."""
        found = self._read(
            f"pods of {namespace}",
            lambda: self._core.list_namespaced_pod(namespace, label_selector=selector, **_timeouts()),
        )
        pods = sorted(found.items if found else [], key=lambda pod: str(pod.metadata.name if pod.metadata else ""))
        return tuple(pod for pod in pods if _is_ready(pod))

    def working_pods(self, label: str, value: str) -> tuple[str, ...]:
        """Pods as `namespace/name` that work on the nodes with a label: neither ended nor a part of every node."""
        nodes = self._read(
            "nodes", lambda: self._core.list_node(label_selector=f"{label}={value}", **_timeouts()), FOR_POOLS
        )
        names = {node.metadata.name for node in nodes.items if node.metadata} if nodes else set[str | None]()
        unfinished = "status.phase!=Succeeded,status.phase!=Failed"
        pods = self._read(
            "pods", lambda: self._core.list_pod_for_all_namespaces(field_selector=unfinished, **_timeouts()), FOR_POOLS
        )
        here = [pod for pod in (pods.items if pods else []) if pod.spec and pod.spec.node_name in names]
        told = [pod.metadata for pod in here if pod.metadata and _is_work(pod.metadata)]
        return tuple(sorted(f"{one.namespace}/{one.name}" for one in told))

    def admitted_workloads(self, flavor: str) -> tuple[str, ...]:
        """Kueue's workloads as `namespace/name` for which quota in a flavor is reserved and that have not finished.

        Their pods may be yet to come, or between one and the next.
        """
        found = self._read(
            "workloads of Kueue",
            lambda: self._custom.list_cluster_custom_object(*WORKLOADS, **_timeouts()),
            FOR_POOLS,
        )
        workloads: list[Mapping[str, Any]] = found.get("items", []) if found else []
        told = [workload["metadata"] for workload in workloads if _holds(workload, flavor)]
        return tuple(sorted(f"{one['namespace']}/{one['name']}" for one in told))

    def forward(self, namespace: str, pod: str, port: int) -> socket.socket:
        """A socket that leads to a pod's port, through the API server."""
        open_port = cast("Callable[..., Any]", portforward)
        forwarded = self._read(
            f"pod {namespace}/{pod}, port {port}",
            lambda: open_port(
                self._core.connect_get_namespaced_pod_portforward, pod, namespace, ports=str(port), **_timeouts()
            ),
        )
        if forwarded is None:
            raise failure(
                f"pod {namespace}/{pod}", "it is gone", "the gateway cannot be asked", "the command again, in a moment"
            )
        return forwarded.socket(port)

    def _read(self, what: str, read: Callable[[], Result], purpose: Purpose | None = None) -> Result | None:
        """What `read` gives; None where the server says that there is no such thing."""
        try:
            return read()
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise self._refusal(what, error, purpose or FOR_ACCOUNTS) from None
        except (urllib3.exceptions.HTTPError, OSError, config.ConfigException) as error:
            raise self._unreachable(type(error).__name__) from None

    def _refusal(self, what: str, error: ApiException, purpose: Purpose) -> CommandFailedError:
        if error.status == FORBIDDEN:
            return failure(
                what,
                f"the cluster lets the user of context {self.context} not read it",
                purpose.without,
                purpose.takes,
            )
        if error.status == UNAUTHORIZED:
            return failure(
                f"context {self.context}",
                "the cluster does not take its credentials",
                "nothing can be read",
                "log in to the cluster again, or another context with --context NAME",
            )
        if error.status:
            return failure(
                what, f"the cluster answered {error.status} {error.reason}", "it cannot be read", "the command again"
            )
        return self._unreachable(str(error.reason).partition("\n")[0])

    def _unreachable(self, reason: str) -> CommandFailedError:
        return failure(
            f"context {self.context}",
            f"the cluster at {self._api.configuration.host} does not answer ({reason})",
            "nothing can be read",
            f"check that it runs and that you reach it: kubectl --context {self.context} version",
        )


def connect(part: ClusterPart, context: str | None = None) -> LiveCluster:
    """The cluster of a stack.

    Args:
        part: The stack's cluster.
        context: The kubeconfig context to use; None: the stack's own, or what gcloud calls a GKE cluster's.

    Raises:
        CommandFailedError: The kubeconfig has no such context, or its credentials cannot be had.
    """
    name = context_of(part, context)

    def refuse(wrong: str, instead: str) -> CommandFailedError:
        return failure(f"context {name}", wrong, "nothing can be read", instead)

    threading.excepthook = _quiet_forwarding
    return LiveCluster(name, client_of(part, name, refuse))


def _timeouts() -> Mapping[str, Any]:
    return {"_request_timeout": (CONNECT_SECONDS, ANSWER_SECONDS)}


def _is_work(pod: client.V1ObjectMeta) -> bool:
    return not any(owner.kind in {"DaemonSet", "Node"} for owner in pod.owner_references or [])


def _holds(workload: Mapping[str, Any], flavor: str) -> bool:
    """Whether a workload has quota in a flavor. Kueue leaves the assignment on one that has finished."""
    status = mapping(workload.get("status"))
    finished = any(one["type"] == "Finished" and one["status"] == "True" for one in status.get("conditions") or ())
    assigned = mapping(status.get("admission")).get("podSetAssignments") or ()
    return not finished and any(flavor in mapping(one.get("flavors")).values() for one in assigned)


def _is_ready(pod: client.V1Pod) -> bool:
    if pod.status is None or (pod.metadata is not None and pod.metadata.deletion_timestamp is not None):
        return False
    return any(entry.type == "Ready" and entry.status == "True" for entry in pod.status.conditions or [])


def _quiet_forwarding(args: threading.ExceptHookArgs) -> None:
    """A forwarded connection that breaks is told by who waits at its other end; the client's thread would print all."""
    if args.thread is None or not args.thread.name.startswith("Kubernetes port forward"):
        threading.__excepthook__(args)
