"""The gateway's administration interface, through a port that the API server forwards to one of its pods."""

import http.client
import time
from collections.abc import Generator
from contextlib import contextmanager

from kubernetes import client

from components.gateway.pod import MASTER_KEY
from components.gateway.pod import OBJECT_NAME as GATEWAY
from components.tenants.reconciler.admin import HttpAdmin
from components.tenants.reconciler.errors import GatewayError, InputError
from infra.blueprint.model import GatewayPart
from infra.faults import CommandFailedError
from infra.live.cluster import LiveCluster
from infra.live.errors import failure

SECONDS = 30.0
PAUSE_SECONDS = 0.5


class ForwardedConnection(http.client.HTTPConnection):
    """A connection whose bytes go through the API server."""

    def __init__(self, cluster: LiveCluster, namespace: str, pod: str, port: int) -> None:
        super().__init__(f"gateway.{namespace}", port)
        self._cluster, self._namespace, self._pod = cluster, namespace, pod

    def connect(self) -> None:
        """Open the forwarded port."""
        self.sock = self._cluster.forward(self._namespace, self._pod, self.port)
        self.sock.settimeout(SECONDS)


@contextmanager
def gateway_admin(cluster: LiveCluster, part: GatewayPart) -> Generator[HttpAdmin]:
    """The administration interface while the context lasts.

    Raises:
        CommandFailedError: The platform is not deployed, no replica is ready, or the gateway refuses what is asked.
    """
    secret = cluster.secret(part.namespace, GATEWAY)
    if secret is None or MASTER_KEY not in secret:
        raise not_deployed(part.namespace, f"Secret {GATEWAY}")
    pod = cluster.ready_pod(part.namespace, f"app.kubernetes.io/name={GATEWAY}")
    if pod is None or pod.metadata is None:
        raise failure(
            "gateway",
            "no replica of it is ready",
            "accounts and spend cannot be read",
            f"wait, or see why: kubectl --context {cluster.context} --namespace {part.namespace} describe pods"
            f" --selector app.kubernetes.io/name={GATEWAY}",
        )
    name, port = str(pod.metadata.name), _admin_port(pod, part)
    admin = HttpAdmin(
        lambda: ForwardedConnection(cluster, part.namespace, name, port),
        secret[MASTER_KEY],
        (),
        time.sleep,
        PAUSE_SECONDS,
    )
    try:
        yield admin
    except (GatewayError, InputError) as error:
        raise failure(
            "gateway",
            str(error),
            "accounts and spend cannot be read",
            f"the command again, or see its log: kubectl --context {cluster.context} --namespace {part.namespace}"
            f" logs {name} --all-containers --tail 50",
        ) from None
    finally:
        admin.close()


def not_deployed(namespace: str, lacking: str) -> CommandFailedError:
    """Why there is nothing to ask."""
    return failure(
        f"namespace {namespace}",
        f"it has no {lacking}: the platform is not deployed there",
        "there are no accounts to show",
        "pulumi up for this stack, or another stack with --stack NAME",
    )


def _admin_port(pod: client.V1Pod, part: GatewayPart) -> int:
    """Where this pod is administered: a replica of an older platform had one port for everything."""
    containers = [*(pod.spec.containers or []), *(pod.spec.init_containers or [])] if pod.spec else []
    for container in containers:
        for port in container.ports or []:
            if port.name == "admin":
                return port.container_port
    return part.port
