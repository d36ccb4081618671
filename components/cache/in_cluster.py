"""Redis beside the gateway."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.cache.connection import PASSWORD_LENGTH, CacheConnection
from components.shared import (
    object_metadata,
    restricted_container_security_context,
    restricted_pod_security_context,
)
from components.shared.fingerprint import secret_fingerprint
from components.shared.passwords import stable_password
from components.shared.workloads import service_host, service_spec, single_pod_spec
from infra.blueprint.model import InClusterCachePart
from infra.blueprint.names import CACHE_PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, ProbeArgsDict

OBJECT_NAME = "cache"
CONFIGURATION_KEY = "redis.conf"
CONFIGURATION_PATH = "/etc/bulkhead/redis"
MEMORY_MEBIBYTES = 256
DATA_PATH = "/data"
DATA_MEBIBYTES = 4 * MEMORY_MEBIBYTES
"""The log of changes is rewritten when it has doubled, and for a moment the old one and the new one are both there."""
STOP_SECONDS = 15


@dataclass(frozen=True)
class InClusterCacheArgs:
    """The image, and where the cache runs."""

    part: InClusterCachePart
    namespace: str


class InClusterCache(pulumi.ComponentResource):
    """Redis as one pod: what it holds outlives its process, and may be lost with its pod.

    Counters of limits, and spend on its way to the database: what was answered in the last seconds, or, while the
    database is away, since it went.

    Attributes:
        connection: How the gateway reaches its cache.
    """

    connection: CacheConnection

    def __init__(self, name: str, args: InClusterCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:cache:InClusterCache", name, None, opts)
        self._name = name
        self._args = args
        password = self._make_password()
        secret = self._make_secret(password)
        service = self._make_service()
        deployment = self._make_deployment(secret, password)
        host = service_host(OBJECT_NAME, args.namespace)
        url = password.apply(lambda value: f"redis://:{value}@{host}:{CACHE_PORT}")
        self.connection = CacheConnection(pulumi.Output.secret(url), None, (service, deployment))
        self.register_outputs({"url": self.connection.url})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _metadata(self) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return object_metadata(OBJECT_NAME, self._args.namespace)

    def _make_password(self) -> pulumi.Output[str]:
        return stable_password(f"{self._name}-password", PASSWORD_LENGTH, self)

    def _make_secret(self, password: pulumi.Output[str]) -> "kubernetes.core.v1.Secret":
        """The whole configuration as a file: a password among the arguments could be read off the process list."""
        return kubernetes.core.v1.Secret(
            f"{self._name}-secret",
            metadata=self._metadata(),
            string_data={CONFIGURATION_KEY: password.apply(redis_configuration)},
            opts=self._child(),
        )

    def _make_service(self) -> "kubernetes.core.v1.Service":
        return kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=self._metadata(),
            spec=service_spec(OBJECT_NAME, "redis", CACHE_PORT),
            opts=self._child(),
        )

    def _make_deployment(
        self, secret: "kubernetes.core.v1.Secret", password: pulumi.Output[str]
    ) -> "kubernetes.apps.v1.Deployment":
        # Redis reads its configuration when it starts, so another one has to start another pod.
        fingerprint_of_configuration = pulumi.Output.unsecret(
            password.apply(lambda known: secret_fingerprint(known, redis_configuration(known)))
        )
        return kubernetes.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._metadata(),
            # Two at once would each count for itself.
            spec=single_pod_spec(
                OBJECT_NAME, _pod_spec(self._args.part, secret.metadata.name), fingerprint_of_configuration
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[secret]),
        )


def redis_configuration(password: str) -> str:
    """Redis' configuration file: full memory is an error rather than a forgotten counter.

    Every change is in the kernel's hands before it is answered, so that a killed process loses none; `everysec` is what
    the loss of a whole node may cost.
    """
    return "\n".join(
        [
            "appendfsync everysec",
            "appendonly yes",
            "auto-aof-rewrite-min-size 16mb",
            "bind * -::*",
            f"dir {DATA_PATH}",
            f"maxmemory {MEMORY_MEBIBYTES}mb",
            "maxmemory-policy noeviction",
            f"port {CACHE_PORT}",
            f"requirepass {password}",
            'save ""',
            "",
        ]
    )


def _pod_spec(part: InClusterCachePart, secret_name: pulumi.Input[str]) -> "PodSpecArgsDict":
    return {
        "automount_service_account_token": False,
        "containers": [_container(part)],
        "enable_service_links": False,
        "security_context": restricted_pod_security_context(),
        "termination_grace_period_seconds": STOP_SECONDS,
        "volumes": [
            {"name": "configuration", "secret": {"secret_name": secret_name}},
            {"name": "data", "empty_dir": {"size_limit": f"{DATA_MEBIBYTES}Mi"}},
            {"name": "temporary", "empty_dir": {"size_limit": "16Mi"}},
        ],
    }


def _container(part: InClusterCachePart) -> "ContainerArgsDict":
    return {
        "name": "redis",
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        "command": ["redis-server", f"{CONFIGURATION_PATH}/{CONFIGURATION_KEY}"],
        "ports": [{"name": "redis", "container_port": CACHE_PORT}],
        "readiness_probe": _answers(period=5, failures=3),
        "liveness_probe": _answers(period=20, failures=6),
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": f"{MEMORY_MEBIBYTES * 2}Mi"},
        },
        "security_context": restricted_container_security_context(),
        "volume_mounts": [
            {"name": "configuration", "mount_path": CONFIGURATION_PATH, "read_only": True},
            {"name": "data", "mount_path": DATA_PATH},
            {"name": "temporary", "mount_path": "/tmp"},  # noqa: S108 - a volume of this pod alone
        ],
    }


def _answers(period: int, failures: int) -> "ProbeArgsDict":
    return {
        "tcp_socket": {"port": "redis"},
        "period_seconds": period,
        "timeout_seconds": 3,
        "failure_threshold": failures,
    }
