"""From a blueprint to registered resources, in the order in which they need each other.

Names here are the first part of every resource's URN. They follow the blueprint's parts and never the trust tier, so
that raising the tier changes or adds resources and never replaces what is there; a name that has to change keeps the
old one as an alias.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.certificates import Authority
from components.cluster import ClusterConnection, existing_cluster_connection
from components.kueue import Kueue, KueueArgs, Queues, QueuesArgs
from components.namespaces import Namespaces, NamespacesArgs
from infra.blueprint.model import Blueprint, ExistingClusterPart, GkeClusterPart
from infra.program.admission import create_admission
from infra.program.isolation import (
    create_managed_service_policies,
    create_network_policies,
    create_shared_access,
    create_tenant_spaces,
    read_api_server,
)
from infra.program.observability import create_observability
from infra.program.options import InCluster
from infra.program.secrets import StackSecrets
from infra.program.serving import (
    BeforeEngines,
    create_cache,
    create_certificate,
    create_database,
    create_engine,
    create_gateway,
    create_pickers,
    create_tenants,
)

if TYPE_CHECKING:
    from infra.program.google import GoogleCluster


@dataclass(frozen=True)
class ComposedPlatform:
    """What a stack hands out.

    Attributes:
        gateway: The gateway's address inside the cluster.
        tenant_keys: Tenant's name → its virtual key, a secret.
        certificate_dns_record: The DNS record that the gateway's managed certificate waits for, where it has one.
    """

    gateway: pulumi.Output[str]
    tenant_keys: dict[str, pulumi.Output[str]]
    certificate_dns_record: pulumi.Output[str] | None


def compose(blueprint: Blueprint, secrets: StackSecrets) -> ComposedPlatform:
    """Register everything that `blueprint` says.

    Raises:
        ValueError: The blueprint needs a secret that is not set, or a managed service without a cluster beside it; bugs
            of the program, since the loader refuses such stack files.
    """
    google = _create_google_cluster(blueprint)
    nodes: tuple[pulumi.Resource, ...] = google.node_pools if google else ()
    connection = _connection(blueprint, google)
    in_cluster = _create_provider("kubernetes", connection, google)
    namespaces = _create_namespaces(blueprint, in_cluster)
    # A pod is reachable from its first moment unless its policy is there before it.
    api_server = read_api_server(blueprint, in_cluster, (namespaces,))
    policies = create_network_policies(blueprint, api_server, in_cluster, (namespaces,))
    kueue = _create_kueue(blueprint, in_cluster, (namespaces.by_name[blueprint.quota.namespace], *nodes, *policies))
    spaces: Mapping[str, pulumi.Resource] = {}
    if blueprint.tenant_spaces:
        adopting = _create_provider("kubernetes-tenants", connection, google, adopts=True)
        spaces = create_tenant_spaces(blueprint, adopting)
    queues = _create_queues(blueprint, in_cluster, (namespaces, kueue), spaces)
    create_shared_access(blueprint, in_cluster, (namespaces,))
    admission = create_admission(blueprint, in_cluster, (namespaces, *nodes, *policies), queues)
    before_workloads = (kueue, *policies, *admission)
    authority = Authority("authority")
    given = BeforeEngines(secrets, authority, queues)
    engines = {
        part.name: create_engine(part, given, in_cluster, (namespaces.by_name[part.namespace], *before_workloads))
        for part in blueprint.engines
    }
    pickers = create_pickers(blueprint, in_cluster, (namespaces, *before_workloads))
    part = blueprint.gateway
    beside_gateway = (namespaces.by_name[part.namespace], *nodes, *policies)
    database = create_database(part, secrets, in_cluster, beside_gateway, google)
    cache = create_cache(part, secrets, in_cluster, beside_gateway, google)
    managed = create_managed_service_policies(blueprint, (database, cache), api_server, in_cluster, beside_gateway)
    certificate = create_certificate(part, google)
    before_gateway = (*beside_gateway, *managed, *pickers, *((certificate,) if certificate else ()))
    gateway = create_gateway(part, (database, cache), (engines, authority), in_cluster, before_gateway)
    tenants = create_tenants(blueprint, gateway, in_cluster, spaces)
    create_observability(blueprint, (database, cache), in_cluster, namespaces)
    return ComposedPlatform(
        gateway=gateway.address,
        tenant_keys=dict(sorted(tenants.keys.items())),
        certificate_dns_record=certificate.dns_record if certificate else None,
    )


def _create_google_cluster(blueprint: Blueprint) -> "GoogleCluster | None":
    if not isinstance(blueprint.cluster, GkeClusterPart):
        return None
    # Only here: a stack on an existing cluster must not load Google's SDK, which takes seconds and 100 MB.
    from infra.program.google import create_google_cluster  # noqa: PLC0415

    return create_google_cluster(blueprint, blueprint.cluster)


def _connection(blueprint: Blueprint, google: "GoogleCluster | None") -> ClusterConnection:
    match blueprint.cluster:
        case ExistingClusterPart() as part:
            return existing_cluster_connection(part)
        case GkeClusterPart():
            if google is None:
                raise ValueError("the GKE cluster has not been created")
            return google.connection


def _create_provider(
    name: str, connection: ClusterConnection, google: "GoogleCluster | None", *, adopts: bool = False
) -> InCluster:
    """A provider of the cluster.

    Args:
        name: The resource's name.
        connection: How it reaches the cluster.
        google: The cluster, where this stack makes it.
        adopts: Whether it takes up objects that exist already instead of refusing to make them.
    """
    provider = kubernetes.Provider(
        name,
        cluster_identifier=connection.identifier,
        context=connection.context,
        # Where there is none, the SDK would put $KUBECONFIG here, and a path of one machine into the stack's state; the
        # provider takes an empty text for none and looks there itself.
        kubeconfig=connection.kubeconfig if connection.kubeconfig is not None else "",
        enable_server_side_apply=True,
        upsert_existing_objects=True if adopts else None,
    )
    return InCluster(provider, google.control_plane if google else None)


def _create_namespaces(blueprint: Blueprint, in_cluster: InCluster) -> Namespaces:
    return Namespaces("namespaces", NamespacesArgs(blueprint.namespaces), in_cluster.options())


def _create_kueue(blueprint: Blueprint, in_cluster: InCluster, after: tuple[pulumi.Resource, ...]) -> Kueue:
    return Kueue("kueue", KueueArgs(blueprint.quota), in_cluster.options(after))


def _create_queues(
    blueprint: Blueprint,
    in_cluster: InCluster,
    after: tuple[pulumi.Resource, ...],
    spaces: Mapping[str, pulumi.Resource],
) -> Queues:
    return Queues("queues", QueuesArgs(blueprint.quota, spaces), in_cluster.options(after))
