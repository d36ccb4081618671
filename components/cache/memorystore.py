"""Memorystore for Redis."""

from dataclasses import dataclass

import pulumi

from components.cache.connection import CERTIFICATE_AUTHORITY_PATH, CacheConnection
from infra.blueprint.model import MemorystoreCachePart

VERSION = "REDIS_7_0"
"""LiteLLM's rate limits need Redis 7 for their scripts."""


@dataclass(frozen=True)
class MemorystoreCacheArgs:
    """Where the instance lives, and in which network it has its only address.

    Attributes:
        part: Its memory, and whether a replica takes over.
        project: The Google Cloud project.
        region: The region, as `europe-west4`.
        network: The VPC's self link or id.
        private_services: The network's private services access, which the instance has to wait for.
    """

    part: MemorystoreCachePart
    project: str
    region: str
    network: pulumi.Input[str]
    private_services: pulumi.Resource


class MemorystoreCache(pulumi.ComponentResource):
    """A Redis instance with a private address only, a password and TLS.

    Not protected: it holds counters for a minute or a budget period, and the database holds the truth of the latter.

    Attributes:
        connection: How the gateway reaches its cache.
    """

    connection: CacheConnection

    def __init__(self, name: str, args: MemorystoreCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        from pulumi_gcp import redis  # noqa: PLC0415 - only stacks on GKE load it

        super().__init__("bulkhead:cache:MemorystoreCache", name, None, opts)
        instance = redis.Instance(
            f"{name}-instance",
            project=args.project,
            region=args.region,
            tier="STANDARD_HA" if args.part.highly_available else "BASIC",
            memory_size_gb=args.part.memory_gibibytes,
            redis_version=VERSION,
            auth_enabled=True,
            transit_encryption_mode="SERVER_AUTHENTICATION",
            connect_mode="PRIVATE_SERVICE_ACCESS",
            authorized_network=args.network,
            # Counters that are thrown out early let a tenant spend more than its limit.
            redis_configs={"maxmemory-policy": "noeviction"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.private_services]),
        )
        url = pulumi.Output.all(instance.host, instance.port, instance.auth_string).apply(
            lambda values: (
                f"rediss://:{values[2]}@{values[0]}:{int(values[1])}?ssl_ca_certs={CERTIFICATE_AUTHORITY_PATH}"
            )
        )
        authority = instance.server_ca_certs.apply(
            lambda certificates: "\n".join(certificate.cert or "" for certificate in certificates)
        )
        self.connection = CacheConnection(pulumi.Output.secret(url), authority, (instance,))
        self.register_outputs({"url": self.connection.url})
