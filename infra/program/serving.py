"""Engines, the gateway with its database and cache, and the tenants' accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.cache import CacheConnection, ExternalCache, ExternalCacheArgs, InClusterCache, InClusterCacheArgs
from components.certificates import Authority
from components.database import (
    DatabaseConnection,
    ExternalDatabase,
    ExternalDatabaseArgs,
    InClusterDatabase,
    InClusterDatabaseArgs,
)
from components.endpoint_picker import EndpointPicker, EndpointPickerArgs
from components.engine import Engine, EngineArgs
from components.gateway import Gateway, GatewayArgs
from components.gateway.configuration import key_memory_seconds
from components.kueue import Queues
from components.tenants import TenantAccounts, TenantAccountsArgs
from infra.blueprint.model import (
    Blueprint,
    CloudSqlDatabasePart,
    EnginePart,
    ExternalCachePart,
    ExternalDatabasePart,
    GatewayPart,
    HubWeights,
    InClusterCachePart,
    InClusterDatabasePart,
    ManagedCertificatePart,
    MemorystoreCachePart,
    NewListenerPart,
)
from infra.program.options import InCluster
from infra.program.secrets import StackSecrets

if TYPE_CHECKING:
    from components.gateway.certificate import ManagedCertificate
    from infra.program.google import GoogleCluster

Resources = tuple[pulumi.Resource, ...]


@dataclass(frozen=True)
class BeforeEngines:
    """What engines are made with.

    Attributes:
        secrets: The stack's, with the model hub's token.
        authority: What signs the certificates of their doors.
        queues: Those that engines on GPUs enter through.
    """

    secrets: StackSecrets
    authority: Authority
    queues: Queues


def create_engine(part: EnginePart, given: BeforeEngines, in_cluster: InCluster, after: Resources) -> Engine:
    """Register one model's engines; those on GPUs enter through their queue, so it comes first."""
    queue = part.queue
    entry = given.queues.entry(part.namespace, queue.local_queue, queue.priority_class) if queue else ()
    token = given.secrets.model_hub_token if isinstance(part.weights, HubWeights) else None
    args = EngineArgs(part, hub_token=token, authority=given.authority)
    return Engine(f"engine-{part.name}", args, in_cluster.options((*after, *entry)))


def create_pickers(blueprint: Blueprint, in_cluster: InCluster, after: Resources) -> Resources:
    """Register what picks among the engines of those models that ask for it."""
    return tuple(
        EndpointPicker(part.picker_name, EndpointPickerArgs(part), in_cluster.options(after))
        for part in blueprint.engines
        if part.picker is not None
    )


def create_database(
    part: GatewayPart, secrets: StackSecrets, in_cluster: InCluster, after: Resources, google: "GoogleCluster | None"
) -> DatabaseConnection:
    """Register the gateway's database, or take the one that the stack's secret names."""
    match part.database:
        case InClusterDatabasePart() as database:
            args = InClusterDatabaseArgs(database, part.namespace)
            return InClusterDatabase("database", args, in_cluster.options(after)).connection
        case CloudSqlDatabasePart() as database:
            return _on_google(google).create_database(database)
        case ExternalDatabasePart():
            args = ExternalDatabaseArgs(_required(secrets.database_url, "database_url"))
            return ExternalDatabase("database", args, in_cluster.options(after)).connection


def create_cache(
    part: GatewayPart, secrets: StackSecrets, in_cluster: InCluster, after: Resources, google: "GoogleCluster | None"
) -> CacheConnection | None:
    """Register the gateway's cache, take the one that the stack's secret names, or do without."""
    match part.cache:
        case None:
            return None
        case InClusterCachePart() as cache:
            return InClusterCache(
                "cache", InClusterCacheArgs(cache, part.namespace), in_cluster.options(after)
            ).connection
        case MemorystoreCachePart() as cache:
            return _on_google(google).create_cache(cache)
        case ExternalCachePart():
            args = ExternalCacheArgs(_required(secrets.cache_url, "cache_url"))
            return ExternalCache("cache", args, in_cluster.options(after)).connection


def create_certificate(part: GatewayPart, google: "GoogleCluster | None") -> "ManagedCertificate | None":
    """Register the certificate that Google issues for the gateway's host, where the part asks for one."""
    route = part.route
    if route is None or not isinstance(route.listener, NewListenerPart):
        return None
    if not isinstance(route.listener.certificate, ManagedCertificatePart):
        return None
    return _on_google(google).create_certificate(route.host, route.listener.certificate)


def create_gateway(
    part: GatewayPart,
    connections: tuple[DatabaseConnection, CacheConnection | None],
    engines: tuple[Mapping[str, Engine], Authority],
    in_cluster: InCluster,
    after: Resources,
) -> Gateway:
    """Register the gateway; its replicas are sent to engines, by name, once those serve and take its key.

    Args:
        part: The gateway.
        connections: Its database, and its cache if it has one.
        engines: The engines by name, and what signs the certificates on the way to them.
        in_cluster: Where it lives.
        after: What comes first, with what leads to the engines, as their pickers.
    """
    database, cache = connections
    by_name, authority = engines
    args = GatewayArgs(
        part,
        database=database,
        engine_api_keys={name: engine.api_key for name, engine in by_name.items()},
        cache=cache,
        authority=authority,
        engines=tuple(engine.deployment for engine in by_name.values()),
    )
    return Gateway("gateway", args, in_cluster.options(after))


def create_tenants(
    blueprint: Blueprint, gateway: Gateway, in_cluster: InCluster, spaces: Mapping[str, pulumi.Resource]
) -> TenantAccounts:
    """Register the tenants' accounts, which are made through the running gateway; `spaces` are their own namespaces."""
    args = TenantAccountsArgs(
        tenants=blueprint.tenants,
        namespace=blueprint.gateway.namespace,
        image=blueprint.gateway.image,
        admin_url=gateway.admin_address,
        api_url=pulumi.Output.concat(gateway.address, "/v1"),
        master_key_secret=gateway.master_key_secret,
        database_fingerprint=gateway.database_fingerprint,
        forget_seconds=key_memory_seconds(blueprint.gateway),
        namespaces=spaces,
        master_key_generation=blueprint.gateway.master_key_generation,
    )
    return TenantAccounts("tenants", args, in_cluster.options((gateway,)))


def _on_google(google: "GoogleCluster | None") -> "GoogleCluster":
    if google is None:
        raise ValueError("a managed service of Google Cloud needs a GKE cluster in the same stack")
    return google


def _required(secret: pulumi.Output[str] | None, name: str) -> pulumi.Output[str]:
    if secret is None:
        raise ValueError(f"the secret bulkhead:{name} is not set")
    return secret
