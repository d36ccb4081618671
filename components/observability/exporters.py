"""The exporters: what a database and a cache cannot tell Prometheus themselves.

One pod beside the gateway, for both, whatever runs them: in the cluster, managed, or somebody else's. They reach them
by the gateway's own addresses and passwords, and are apart from them, so that a database that is gone is told as gone
and is not restarted when observability is switched on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

import pulumi
import pulumi_kubernetes as kubernetes

from components.cache import CacheConnection
from components.database import DatabaseConnection
from components.shared import (
    from_secret,
    object_metadata,
    restricted_container_security_context,
    restricted_pod_security_context,
)
from components.shared.fingerprint import secret_fingerprint
from components.shared.workloads import single_pod_spec
from infra.blueprint.model import PrometheusPart
from infra.blueprint.names import CACHE_EXPORTER_PORT, CACHE_PORT, DATABASE_EXPORTER_PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import (
        ContainerArgsDict,
        EnvVarArgsDict,
        KeyToPathArgsDict,
        PodSpecArgsDict,
        VolumeMountArgsDict,
    )

EXPORTER_NAME = "datastore-exporter"
DATABASE_URL_KEY = "database-url"
CACHE_ADDRESS_KEY = "cache-address"
CACHE_PASSWORD_KEY = "cache-password"  # noqa: S105 - the name of a key in a Secret
CACHE_AUTHORITY_KEY = "cache-ca.pem"
CACHE_AUTHORITY_PATH = "/etc/bulkhead/cache"
LIBPQ_PARAMETERS = frozenset({"connect_timeout", "sslcert", "sslkey", "sslmode", "sslrootcert"})
"""What the exporter's driver understands; any other parameter of the gateway's URL it would hand to the server."""


@dataclass(frozen=True)
class Exporter:
    """One exporter's container."""

    name: str
    port: int


DATABASE_EXPORTER = Exporter("postgresql", DATABASE_EXPORTER_PORT)
CACHE_EXPORTER = Exporter("redis", CACHE_EXPORTER_PORT)


@dataclass(frozen=True)
class DatastoreExporterArgs:
    """What the exporters are made from.

    Attributes:
        part: Their images.
        namespace: Where the gateway runs, beside which they stand.
        database: The gateway's database.
        cache: Its cache; required where the part has an exporter for one.
    """

    part: PrometheusPart
    namespace: str
    database: DatabaseConnection
    cache: CacheConnection | None


class DatastoreExporter(pulumi.ComponentResource):
    """One pod that asks the gateway's database and cache how they are, and answers Prometheus."""

    def __init__(self, name: str, args: DatastoreExporterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the exporters.

        Raises:
            ValueError: The part and the arguments disagree about a cache.
        """
        if (args.part.cache_exporter_image is None) != (args.cache is None):
            raise ValueError("The Prometheus part and the arguments disagree about a cache; give both or neither.")
        super().__init__("bulkhead:observability:DatastoreExporter", name, None, opts)
        self._name = name
        self._args = args
        values = self._secret_values()
        secret = kubernetes.core.v1.Secret(
            f"{name}-secret",
            metadata=self._metadata(),
            string_data=values,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._make_deployment(secret, values)
        self.register_outputs({})

    def _metadata(self) -> "kubernetes.meta.v1.ObjectMetaArgsDict":
        return object_metadata(EXPORTER_NAME, self._args.namespace)

    def _secret_values(self) -> dict[str, pulumi.Output[str]]:
        cache = self._args.cache
        values = {DATABASE_URL_KEY: _secret(self._args.database.url, driver_url)}
        if cache is not None:
            values[CACHE_ADDRESS_KEY] = _secret(cache.url, cache_address)
            values[CACHE_PASSWORD_KEY] = _secret(cache.url, cache_password)
            if cache.certificate_authority is not None:
                values[CACHE_AUTHORITY_KEY] = pulumi.Output.secret(cache.certificate_authority)
        return dict(sorted(values.items()))

    def _make_deployment(self, secret: "kubernetes.core.v1.Secret", values: Mapping[str, pulumi.Output[str]]) -> None:
        # A pod reads its secrets when it starts, so another password has to start another pod.
        digest = pulumi.Output.unsecret(
            pulumi.Output.all(**values).apply(
                lambda known: secret_fingerprint(known[DATABASE_URL_KEY], *(known[key] for key in sorted(known)))
            )
        )
        kubernetes.apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._metadata(),
            # Two at once would be two series of the same thing.
            spec=single_pod_spec(
                EXPORTER_NAME, self._pod_spec(secret.metadata.name, CACHE_AUTHORITY_KEY in values), digest
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[secret]),
        )

    def _pod_spec(self, secret_name: pulumi.Input[str], has_authority: bool) -> "PodSpecArgsDict":
        part = self._args.part
        containers = [
            _container(
                DATABASE_EXPORTER,
                part.database_exporter_image,
                [from_secret("DATA_SOURCE_NAME", secret_name, DATABASE_URL_KEY)],
            )
        ]
        if part.cache_exporter_image is not None:
            containers.append(_cache_container(part.cache_exporter_image, secret_name, has_authority))
        spec: PodSpecArgsDict = {
            "automount_service_account_token": False,
            "containers": containers,
            "enable_service_links": False,
            "security_context": restricted_pod_security_context(),
        }
        if has_authority:
            items: list[KeyToPathArgsDict] = [{"key": CACHE_AUTHORITY_KEY, "path": "ca.pem"}]
            spec["volumes"] = [{"name": "cache-authority", "secret": {"secret_name": secret_name, "items": items}}]
        return spec


def driver_url(url: str) -> str:
    """The gateway's URL for the exporter's driver: parameters of Prisma's alone would be refused by the server."""
    parts = urlsplit(url)
    kept = [
        (key, value) for key, values in parse_qs(parts.query).items() for value in values if key in LIBPQ_PARAMETERS
    ]
    # The driver asks for TLS where nothing is said; the gateway's client uses it where the server has it.
    if "sslmode" not in dict(kept):
        kept.append(("sslmode", "disable"))
    return urlunsplit(parts._replace(query=urlencode(kept)))


def cache_address(url: str) -> str:
    """The cache's URL without user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or CACHE_PORT}"


def cache_password(url: str) -> str:
    """The password in the cache's URL; empty where it has none."""
    return unquote(urlsplit(url).password or "")


def _secret(url: pulumi.Input[str], change: Callable[[str], str]) -> pulumi.Output[str]:
    return pulumi.Output.secret(pulumi.Output.from_input(url).apply(change))


def _cache_container(image: str, secret_name: pulumi.Input[str], has_authority: bool) -> "ContainerArgsDict":
    variables: list[EnvVarArgsDict] = [
        from_secret("REDIS_ADDR", secret_name, CACHE_ADDRESS_KEY),
        from_secret("REDIS_PASSWORD", secret_name, CACHE_PASSWORD_KEY),
        # A managed Redis refuses CONFIG, which no query here needs.
        {"name": "REDIS_EXPORTER_CONFIG_COMMAND", "value": "-"},
    ]
    mounts: list[VolumeMountArgsDict] = []
    if has_authority:
        variables.append({"name": "REDIS_EXPORTER_TLS_CA_CERT_FILE", "value": f"{CACHE_AUTHORITY_PATH}/ca.pem"})
        mounts.append({"name": "cache-authority", "mount_path": CACHE_AUTHORITY_PATH, "read_only": True})
    return {**_container(CACHE_EXPORTER, image, variables), "volume_mounts": mounts}


def _container(exporter: Exporter, image: str, variables: list["EnvVarArgsDict"]) -> "ContainerArgsDict":
    return {
        "name": exporter.name,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "env": variables,
        "ports": [{"name": exporter.name, "container_port": exporter.port}],
        # Its front page: that it runs. Whether the datastore answers is what it tells, not whether it is well.
        "readiness_probe": {"http_get": {"path": "/", "port": exporter.name}, "period_seconds": 10},
        "resources": {"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"memory": "64Mi"}},
        "security_context": restricted_container_security_context(),
    }
