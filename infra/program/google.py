"""What only a stack on Google Cloud registers; the one module of the program that loads Google's provider SDK."""

from dataclasses import dataclass

import pulumi

from components.cache import CacheConnection, MemorystoreCache, MemorystoreCacheArgs
from components.cluster import ClusterConnection
from components.cluster.gke import GkeCluster, GkeClusterArgs
from components.database import (
    CloudSqlDatabase,
    CloudSqlDatabaseArgs,
    DatabaseConnection,
    PrivateServices,
    PrivateServicesArgs,
)
from components.gateway.certificate import ManagedCertificate, ManagedCertificateArgs
from components.node_pool import NodePool, NodePoolArgs
from infra.blueprint.model import (
    Blueprint,
    CloudSqlDatabasePart,
    GkeClusterPart,
    ManagedCertificatePart,
    MemorystoreCachePart,
)


@dataclass(frozen=True)
class GoogleCluster:
    """A GKE cluster with its node pools, and its VPC's way to managed services where the blueprint has any."""

    part: GkeClusterPart
    cluster: GkeCluster
    node_pools: tuple[NodePool, ...]
    private_services: PrivateServices | None

    @property
    def connection(self) -> ClusterConnection:
        """How the Kubernetes provider reaches the cluster."""
        return self.cluster.connection

    @property
    def control_plane(self) -> pulumi.Resource:
        """What everything inside the cluster goes with."""
        return self.cluster.cluster

    def create_database(self, part: CloudSqlDatabasePart) -> DatabaseConnection:
        """Register Cloud SQL in the cluster's VPC."""
        args = CloudSqlDatabaseArgs(
            part=part,
            project=self.part.project,
            region=self.cluster.region,
            network=self.cluster.network,
            private_services=self._private_services().connection,
        )
        return CloudSqlDatabase("database", args).connection

    def create_cache(self, part: MemorystoreCachePart) -> CacheConnection:
        """Register Memorystore in the cluster's VPC."""
        args = MemorystoreCacheArgs(
            part=part,
            project=self.part.project,
            region=self.cluster.region,
            network=self.cluster.network,
            private_services=self._private_services().connection,
        )
        return MemorystoreCache("cache", args).connection

    def create_certificate(self, host: str, part: ManagedCertificatePart) -> ManagedCertificate:
        """Register the certificate of the gateway's host."""
        return ManagedCertificate("certificate", ManagedCertificateArgs(host, part.project, part.region))

    def _private_services(self) -> PrivateServices:
        if self.private_services is None:
            raise ValueError("the blueprint has no managed service, so no way to one was made")
        return self.private_services


def create_google_cluster(blueprint: Blueprint, part: GkeClusterPart) -> GoogleCluster:
    """Register the cluster, its node pools and, where needed, its VPC's way to managed services."""
    cluster = GkeCluster("cluster", GkeClusterArgs(part))
    node_pools = _create_node_pools(blueprint, cluster)
    return GoogleCluster(part, cluster, node_pools, _create_private_services(blueprint, part, cluster))


def _create_node_pools(blueprint: Blueprint, cluster: GkeCluster) -> tuple[NodePool, ...]:
    return tuple(
        NodePool(f"node-pool-{part.name}", NodePoolArgs(part, cluster.cluster, cluster.node_account))
        for part in blueprint.node_pools
    )


def _create_private_services(blueprint: Blueprint, part: GkeClusterPart, cluster: GkeCluster) -> PrivateServices | None:
    gateway = blueprint.gateway
    if not isinstance(gateway.database, CloudSqlDatabasePart) and not isinstance(gateway.cache, MemorystoreCachePart):
        return None
    return PrivateServices("private-services", PrivateServicesArgs(part.project, cluster.network))
