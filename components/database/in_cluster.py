"""PostgreSQL beside the gateway."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.database.connection import (
    DATABASE_NAME,
    PASSWORD_LENGTH,
    USER_NAME,
    DatabaseConnection,
    postgresql_url,
)
from components.shared import (
    from_secret,
    object_metadata,
    restricted_container_security_context,
    restricted_pod_security_context,
)
from components.shared.passwords import stable_password
from components.shared.workloads import DATA_VOLUME, service_host, service_spec, stateful_set_spec
from infra.blueprint.model import InClusterDatabasePart
from infra.blueprint.names import DATABASE_PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, ProbeArgsDict

OBJECT_NAME = "database"
PASSWORD_KEY = "password"  # noqa: S105 - the name of a key in a Secret
VOLUME_PATH = "/var/lib/postgresql/data"
DATA_PATH = f"{VOLUME_PATH}/pgdata"
"""A folder below the volume: its root belongs to the volume's driver, may hold `lost+found`, and PostgreSQL accepts
nothing but a folder of its own user's that nobody else may read."""
STOP_SECONDS = 60

SETTINGS = (
    "listen_addresses=*",
    "max_connections=200",
    "max_wal_size=256MB",
    "password_encryption=scram-sha-256",
    "shared_buffers=128MB",
)
"""Addresses: the pod's own and the loopback, whatever the image's default. Connections: each gateway replica may hold
its pool twice over while a rollout runs. Write-ahead log: its default would fill a small volume by itself."""

ROOM_MEBIBYTES = 128
"""What has to be free on the volume for the server to run.

A server that cannot write a row says so, and LiteLLM takes that for a fault of the row and drops it (its
`_create_spend_logs_with_poison_isolation`). A server that is away is waited for: so it stops, orderly, before the disk
is full, and starts by itself when there is room again. Far more than spend logs grow between two probes."""
HAS_ROOM = f'[ "$(df --output=avail --block-size=1M {VOLUME_PATH} | tail -n 1)" -ge {ROOM_MEBIBYTES} ]'
NO_ROOM = f"less than {ROOM_MEBIBYTES} MiB are free on the volume: enlarge it"
START_SCRIPT = f'''until {HAS_ROOM}; do echo "not started, {NO_ROOM}" >&2; sleep 5; done
exec docker-entrypoint.sh "$@"'''
STOP_SCRIPT = f"""{HAS_ROOM} || {{ echo "stopped, {NO_ROOM}" >&2; kill -INT 1; }}"""
"""SIGINT is PostgreSQL's fast shutdown: sessions end, everything is written."""
END_SCRIPT = "kill -INT 1; sleep infinity"
"""On the SIGTERM that Kubernetes sends it waits for its clients to leave, which a gateway's pool never does, and is
killed in the end: a minute without a database, and recovery after it."""


@dataclass(frozen=True)
class InClusterDatabaseArgs:
    """The image, the size of the volume, and where the database runs."""

    part: InClusterDatabasePart
    namespace: str


class InClusterDatabase(pulumi.ComponentResource):
    """PostgreSQL as one pod with a volume.

    On scratch space a deleted pod would leave an empty schema behind which the gateway still calls itself healthy while
    it refuses every key. Where it is protected, the set and the password may be neither deleted nor replaced; the
    volume's claim, which Kubernetes makes, goes with its namespace alone, so that is to be protected beside it.

    Attributes:
        connection: How the gateway reaches its database.
    """

    connection: DatabaseConnection

    def __init__(self, name: str, args: InClusterDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:database:InClusterDatabase", name, None, opts)
        self._name = name
        self._args = args
        password = self._make_password()
        secret = self._make_secret(password)
        service = self._make_service()
        stateful_set = self._make_stateful_set(secret)
        host = service_host(OBJECT_NAME, args.namespace)
        url = password.apply(lambda value: postgresql_url(host, value))
        self.connection = DatabaseConnection(pulumi.Output.secret(url), (service, stateful_set))
        self.register_outputs({"url": self.connection.url})

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _metadata(self) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return object_metadata(OBJECT_NAME, self._args.namespace)

    def _make_password(self) -> pulumi.Output[str]:
        # PostgreSQL takes the password when it makes its data folder and never again.
        return stable_password(f"{self._name}-password", PASSWORD_LENGTH, self, protected=self._args.part.protected)

    def _make_secret(self, password: pulumi.Output[str]) -> "kubernetes.core.v1.Secret":
        return kubernetes.core.v1.Secret(
            f"{self._name}-secret",
            metadata=self._metadata(),
            string_data={PASSWORD_KEY: password},
            opts=self._child(),
        )

    def _make_service(self) -> "kubernetes.core.v1.Service":
        return kubernetes.core.v1.Service(
            f"{self._name}-service",
            metadata=self._metadata(),
            spec=service_spec(OBJECT_NAME, "postgresql", DATABASE_PORT, headless=True),
            opts=self._child(),
        )

    def _make_stateful_set(self, secret: "kubernetes.core.v1.Secret") -> "kubernetes.apps.v1.StatefulSet":
        part = self._args.part
        return kubernetes.apps.v1.StatefulSet(
            f"{self._name}-stateful-set",
            metadata=self._metadata(),
            spec=stateful_set_spec(OBJECT_NAME, _pod_spec(part, secret.metadata.name), part.storage),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[secret], protect=part.protected or None),
        )


def _pod_spec(part: InClusterDatabasePart, secret_name: pulumi.Input[str]) -> "PodSpecArgsDict":
    return {
        "automount_service_account_token": False,
        "containers": [_container(part, secret_name)],
        "enable_service_links": False,
        "security_context": restricted_pod_security_context(volumes=True),
        "termination_grace_period_seconds": STOP_SECONDS,
        "volumes": [
            {"name": "run", "empty_dir": {"size_limit": "16Mi"}},
            {"name": "temporary", "empty_dir": {"size_limit": "64Mi"}},
        ],
    }


def _container(part: InClusterDatabasePart, secret_name: pulumi.Input[str]) -> "ContainerArgsDict":
    return {
        "name": "postgresql",
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        "command": ["bash", "-c", START_SCRIPT, "start"],
        "args": ["postgres", *(text for setting in SETTINGS for text in ("-c", setting))],
        "env": [
            {"name": "PGDATA", "value": DATA_PATH},
            {"name": "POSTGRES_DB", "value": DATABASE_NAME},
            {"name": "POSTGRES_INITDB_ARGS", "value": "--auth-host=scram-sha-256 --encoding=UTF8"},
            from_secret("POSTGRES_PASSWORD", secret_name, PASSWORD_KEY),
            {"name": "POSTGRES_USER", "value": USER_NAME},
        ],
        "ports": [{"name": "postgresql", "container_port": DATABASE_PORT}],
        "lifecycle": {"pre_stop": {"exec_": {"command": ["bash", "-c", END_SCRIPT]}}},
        "startup_probe": _ready(period=2, failures=60),
        "readiness_probe": _ready(period=5, failures=3),
        "liveness_probe": _alive(),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": [
            {"name": DATA_VOLUME, "mount_path": VOLUME_PATH},
            {"name": "run", "mount_path": "/var/run/postgresql"},
            {"name": "temporary", "mount_path": "/tmp"},  # noqa: S108 - a volume of this pod alone
        ],
    }


IS_READY = ("pg_isready", "--host=127.0.0.1", f"--username={USER_NAME}", f"--dbname={DATABASE_NAME}")
"""Over TCP: while the data folder is being made a server answers on the socket that will not stay."""


def _ready(period: int, failures: int) -> "ProbeArgsDict":
    return _probe(list(IS_READY), period, failures)


def _alive() -> "ProbeArgsDict":
    """Minutes of silence restart it, since a crowded node starves a probe before the server; no room stops it."""
    return _probe(["bash", "-c", f"{STOP_SCRIPT}; {' '.join(IS_READY)}"], period=10, failures=15, timeout=20)


def _probe(command: list[str], period: int, failures: int, timeout: int = 5) -> "ProbeArgsDict":
    return {
        "exec_": {"command": command},
        "period_seconds": period,
        "timeout_seconds": timeout,
        "failure_threshold": failures,
    }
