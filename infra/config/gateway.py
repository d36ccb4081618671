"""`bulkhead:gateway`: LiteLLM, its database and its cache."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from infra.config import forms
from infra.config.base import Bytes, Name, NamespaceName, Network, ObjectName, StackFilePart
from infra.config.rotation import Generation

CONNECTIONS_PER_REPLICA = 10
"""The most database connections that one LiteLLM replica pools."""
IN_CLUSTER_CONNECTIONS = 200
"""The most connections that PostgreSQL in the cluster takes (`max_connections`)."""
RESERVED_CONNECTIONS = 3
"""PostgreSQL keeps these for superusers (`superuser_reserved_connections`, by default)."""


GKE_CLASSES = "gke-l7-"
"""What the names of GKE's GatewayClasses begin with."""

HostName = Annotated[str, StringConstraints(pattern=forms.HOST.pattern, max_length=253)]
"""A DNS name with its domain, in small letters, as llm.example.com."""


class InClusterDatabase(StackFilePart):
    """PostgreSQL as one pod with a volume; not highly available."""

    kind: Literal["in_cluster"] = "in_cluster"
    """`in_cluster`: PostgreSQL beside the gateway."""
    storage: Bytes = "10Gi"
    """Size of its volume."""
    deletion_protection: bool = False
    """Whether a `destroy`, or an update that would delete or replace the database, its namespace or LiteLLM's keys, is
    refused. Then `false` and an update come first; another `storage` needs them, too.
    """


class CloudSqlDatabase(StackFilePart):
    """Cloud SQL for PostgreSQL, private address only; needs a GKE cluster in the same stack."""

    kind: Literal["cloud_sql"]
    """`cloud_sql`: a managed PostgreSQL that this stack creates."""
    machine_tier: str = Field(default="db-custom-2-7680", pattern=forms.MACHINE_TIER.pattern, max_length=63)
    """Cloud SQL's machine tier."""
    highly_available: bool = True
    """Whether a standby in another zone takes over."""


class ExternalDatabase(StackFilePart):
    """A PostgreSQL run by somebody else; its URL is the secret `bulkhead:database_url`."""

    kind: Literal["external"]
    """`external`: set the URL with `pulumi config set --secret bulkhead:database_url URL`."""
    networks: tuple[Network, ...] = Field(default=(), examples=[["10.20.0.0/24"]])
    """The networks that its addresses lie in: from SR1 on the gateway reaches nothing that is not listed, and tenants'
    jobs and engines that download weights reach nothing that is. So list them as narrowly as they are.
    """
    port: int = Field(default=5432, ge=1, le=65_535)
    """The port that it listens on."""


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
    networks: tuple[Network, ...] = Field(default=(), examples=[["10.20.1.0/24"]])
    """The networks that its addresses lie in: from SR1 on the gateway reaches nothing that is not listed, and tenants'
    jobs and engines that download weights reach nothing that is. So list them as narrowly as they are.
    """
    port: int = Field(default=6379, ge=1, le=65_535)
    """The port that it listens on."""


class ManagedCertificate(StackFilePart):
    """A certificate that Google's Certificate Manager issues and renews; needs a GKE cluster in the same stack."""

    kind: Literal["managed"] = "managed"
    """`managed`: this stack creates it, and says which DNS record proves that the host is yours."""


class SecretCertificate(StackFilePart):
    """A certificate of your own, in a Secret of type `kubernetes.io/tls`."""

    kind: Literal["secret"]
    """`secret`: you put the Secret into the gateway's namespace, and renew it."""
    name: ObjectName = Field(examples=["llm-tls"])
    """The Secret's name."""


Certificate = Annotated[ManagedCertificate | SecretCertificate, Field(discriminator="kind")]


class ExistingGateway(StackFilePart):
    """A Gateway that somebody else runs; its listener ends TLS."""

    kind: Literal["existing"]
    """`existing`: the route is attached to it."""
    namespace: NamespaceName = Field(examples=["ingress"])
    """The Gateway's namespace; its listener has to admit routes from `bulkhead-gateway`."""
    name: ObjectName = Field(examples=["shared"])
    """The Gateway's name."""
    section: ObjectName = Field(examples=["https"])
    """The name of the listener that ends TLS: without it the route would be attached to one in clear text as well."""


class CreatedGateway(StackFilePart):
    """A Gateway of this stack's own, with one HTTPS listener."""

    kind: Literal["create"]
    """`create`: the cluster must know the Gateway API; a GKE cluster of this stack does."""
    class_name: ObjectName | None = Field(default=None, examples=["gke-l7-rilb"])
    """The GatewayClass; `gke-l7-rilb`, an internal load balancer, on a GKE cluster of this stack."""
    tls: Certificate
    """The certificate of its listener."""


RouteGateway = Annotated[ExistingGateway | CreatedGateway, Field(discriminator="kind")]


class InternalExposure(StackFilePart):
    """Reachable from inside the cluster alone."""

    kind: Literal["internal"] = "internal"
    """`internal`: the Service `gateway`, and nothing else."""


class RouteExposure(StackFilePart):
    """Reachable at a host name through the Gateway API, on the paths that tenants need."""

    kind: Literal["route"]
    """`route`: an HTTPRoute, and on request the Gateway above it."""
    host: HostName = Field(examples=["llm.example.com"])
    """The DNS name; the record that points it to the Gateway is yours to make."""
    gateway: RouteGateway
    """The Gateway that the route belongs to."""


Exposure = Annotated[InternalExposure | RouteExposure, Field(discriminator="kind")]


class Administration(StackFilePart):
    """Who may reach the administration port, beside the tenants' reconciler."""

    allowed_from: tuple[NamespaceName, ...] = Field(default=(), examples=[["platform-tools"]])
    """Namespaces whose pods may; operators need none, since `kubectl port-forward` reaches it anyhow.

    The master key is asked for all the same. It takes a cluster that enforces NetworkPolicy.
    """


Database = Annotated[InClusterDatabase | CloudSqlDatabase | ExternalDatabase, Field(discriminator="kind")]
Cache = Annotated[NoCache | InClusterCache | MemorystoreCache | ExternalCache, Field(discriminator="kind")]


class DatabaseOutage(StrEnum):
    """What the gateway does with requests while its database does not answer."""

    REFUSE = "refuse"
    """Every request is refused: no key can be checked, and no budget."""
    SERVE = "serve"
    """Requests go on being answered, and keys are not checked: whoever reaches the gateway gets every model, with any
    key, and what a key that the gateway had not seen just before spends is charged to nobody."""


class EngineTraffic(StrEnum):
    """How prompts and answers go between the gateway and the engines."""

    PLAIN = "plain"
    """In clear text, as pods talk to each other unless the network itself encrypts."""
    MUTUAL_TLS = "mutual_tls"
    """Encrypted, between two sides that prove who they are by certificates of this stack's own authority."""


class ExternalProvider(StackFilePart):
    """A model provider outside the cluster that the gateway may connect to."""

    name: Name = Field(examples=["example-ai"])
    """What it is, for those who review the list."""
    networks: tuple[Network, ...] = Field(min_length=1, examples=[["203.0.113.0/24"]])
    """The networks that its addresses lie in."""
    port: int = Field(default=443, ge=1, le=65_535)
    """The port that it listens on."""


class Gateway(StackFilePart):
    """The only door to the models."""

    replicas: int = Field(default=1, ge=1, le=50)
    """LiteLLM pods; more than one needs a cache, or each would count limits for itself."""
    database: Database = InClusterDatabase()
    """Where keys, budgets and spend are kept."""
    database_outage: DatabaseOutage = DatabaseOutage.REFUSE
    """`refuse`, or `serve` on unchecked while the database does not answer."""
    cache: Cache = NoCache()
    """Where replicas share their counters."""
    external_providers: tuple[ExternalProvider, ...] = Field(
        default=(), examples=[[{"name": "example-ai", "networks": ["203.0.113.0/24"]}]]
    )
    """Model providers that the gateway may reach from SR1 on; without SR1 nothing is closed."""
    exposure: Exposure = InternalExposure()
    """Whether, and how, it is reached from outside the cluster."""
    engine_traffic: EngineTraffic | None = Field(default=None, examples=["mutual_tls"])
    """`plain`, or `mutual_tls`: encrypted, and both sides proven. Unset: `plain` while KV1 sleeps, then `mutual_tls`.

    Either way round, the change rolls the gateway's replicas and restarts no engine.
    """
    admin: Administration = Administration()
    """The administration port."""
    engine_key_generation: Generation = 1
    """Which key the gateway shows the engines. Raise it by one to draw another: engines take both before it is used."""
    oldest_engine_key_generation: Generation | None = Field(default=None, examples=[2])
    """The oldest key that engines still take: the one before the newest unless said. The newest's number ends the old
    one, once the update that drew the newest has ended."""
    master_key_generation: Generation = 1
    """Which key administers the gateway. Another number makes another key, which replicas take by turns."""
    cache_salt_generation: Generation = 1
    """Which key the salts of isolated caches are made from. Another number makes another key, at once and for good.

    Nothing is lost with the old one but what caches hold. Raise it when somebody may have seen the key.
    """
    request_megabytes: int = Field(default=8, ge=1, le=512)
    """The largest body of a request, in MiB; a larger one is answered 413."""
