"""`bulkhead:gateway`: LiteLLM, its database and its cache."""

from typing import Annotated, Literal

from pydantic import Field

from infra.config.base import Quantity, StackFilePart

CONNECTIONS_PER_REPLICA = 10
"""The most database connections that one LiteLLM replica pools."""
IN_CLUSTER_CONNECTIONS = 200
"""The most connections that PostgreSQL in the cluster takes (`max_connections`)."""
RESERVED_CONNECTIONS = 3
"""PostgreSQL keeps these for superusers (`superuser_reserved_connections`, by default)."""


class InClusterDatabase(StackFilePart):
    """PostgreSQL as one pod with a volume; not highly available."""

    kind: Literal["in_cluster"] = "in_cluster"
    """`in_cluster`: PostgreSQL beside the gateway."""
    storage: Quantity = "10Gi"
    """Size of its volume."""


class CloudSqlDatabase(StackFilePart):
    """Cloud SQL for PostgreSQL, private address only; needs a GKE cluster in the same stack."""

    kind: Literal["cloud_sql"]
    """`cloud_sql`: a managed PostgreSQL that this stack creates."""
    machine_tier: str = Field(default="db-custom-2-7680", pattern=r"^db-[-a-z0-9]+$", max_length=63)
    """Cloud SQL's machine tier."""
    highly_available: bool = True
    """Whether a standby in another zone takes over."""


class ExternalDatabase(StackFilePart):
    """A PostgreSQL run by somebody else; its URL is the secret `bulkhead:database_url`."""

    kind: Literal["external"]
    """`external`: set the URL with `pulumi config set --secret bulkhead:database_url URL`."""


class NoCache(StackFilePart):
    """No shared cache: rate limits hold for each replica by itself, so only one replica may run."""

    kind: Literal["none"] = "none"
    """`none`: one replica only."""


class InClusterCache(StackFilePart):
    """Redis as one pod without a volume: it holds counters, nothing that must last."""

    kind: Literal["in_cluster"]
    """`in_cluster`: Redis beside the gateway."""


class MemorystoreCache(StackFilePart):
    """Memorystore for Redis; needs a GKE cluster in the same stack."""

    kind: Literal["memorystore"]
    """`memorystore`: a managed Redis that this stack creates."""
    memory_gibibytes: int = Field(default=1, ge=1, le=300)
    """GiB of memory."""
    highly_available: bool = True
    """Whether a replica in another zone takes over."""


class ExternalCache(StackFilePart):
    """A Redis run by somebody else; its URL is the secret `bulkhead:cache_url`."""

    kind: Literal["external"]
    """`external`: set the URL with `pulumi config set --secret bulkhead:cache_url URL`."""


Database = Annotated[InClusterDatabase | CloudSqlDatabase | ExternalDatabase, Field(discriminator="kind")]
Cache = Annotated[NoCache | InClusterCache | MemorystoreCache | ExternalCache, Field(discriminator="kind")]


class Gateway(StackFilePart):
    """The only door to the models."""

    replicas: int = Field(default=1, ge=1, le=50)
    """LiteLLM pods; more than one needs a cache, or each would count limits for itself."""
    database: Database = InClusterDatabase()
    """Where keys, budgets and spend are kept."""
    cache: Cache = NoCache()
    """Where replicas share their counters."""
