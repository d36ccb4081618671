"""The trusted platform: what a configuration becomes before any control above the trusted tier hardens it."""

from collections.abc import Iterable
from dataclasses import replace

from infra.blueprint import names
from infra.blueprint.caches import with_cache_domains
from infra.blueprint.gpu_admission import admission_part
from infra.blueprint.model import (
    Blueprint,
    ClusterPart,
    ExistingClusterPart,
    GkeClusterPart,
    NamespacePart,
    NodePoolPart,
    PodSecurity,
)
from infra.blueprint.nodes import node_pool, pool_part
from infra.blueprint.observability import observability_part
from infra.blueprint.quota import quota_part
from infra.blueprint.serving import engine_part, gateway_part, tenant_part
from infra.blueprint.tenant_spaces import shared_access
from infra.config.cluster import Cluster, ExistingCluster, GkeCluster
from infra.config.gateway import InClusterDatabase, RouteExposure
from infra.config.pools import Pool
from infra.config.stack import StackConfig
from infra.pins import POD_SECURITY_VERSION

NAMESPACES = (
    NamespacePart(
        names.ENGINES_NAMESPACE, PodSecurity.RESTRICTED, POD_SECURITY_VERSION, names.MANAGED_NAMESPACE_LABELS
    ),
    NamespacePart(names.GATEWAY_NAMESPACE, PodSecurity.RESTRICTED, POD_SECURITY_VERSION, {}),
    NamespacePart(
        names.WORKLOADS_NAMESPACE, PodSecurity.BASELINE, POD_SECURITY_VERSION, names.MANAGED_NAMESPACE_LABELS
    ),
    NamespacePart(names.KUEUE_NAMESPACE, PodSecurity.RESTRICTED, POD_SECURITY_VERSION, {}),
)
OBSERVABILITY_NAMESPACE = NamespacePart(names.OBSERVABILITY_NAMESPACE, PodSecurity.RESTRICTED, POD_SECURITY_VERSION, {})


def trusted_blueprint(stack: str, config: StackConfig) -> Blueprint:
    """The platform of `config` in the trusted tier.

    Pure, total for every configuration that the loader accepts, and blind to the order in which the stack file lists
    pools, models and tenants.
    """
    engines = tuple(engine_part(config, model) for model in sorted(config.models, key=lambda model: model.name))
    pools = sorted(config.pools, key=lambda pool: pool.name)
    tenants = tuple(tenant_part(tenant) for tenant in sorted(config.tenants, key=lambda tenant: tenant.name))
    observability = observability_part(config)
    platform = Blueprint(
        stack=stack,
        cluster=_cluster_part(stack, config),
        node_pools=_node_pools(config, pools),
        namespaces=(*_namespaces(config), *(() if observability is None else (OBSERVABILITY_NAMESPACE,))),
        quota=quota_part(config, engines),
        engines=engines,
        gateway=gateway_part(config, engines),
        tenants=tenants,
        admission=admission_part(config),
        pools=tuple(pool_part(pool, config.cluster) for pool in pools),
        shared_access=shared_access(tenants),
        observability=observability,
    )
    return with_cache_domains(platform, scoped=False)


def _namespaces(config: StackConfig) -> tuple[NamespacePart, ...]:
    """The gateway's own is protected with the database in it: the volume's claim goes with its namespace."""
    database = config.gateway.database
    protected = isinstance(database, InClusterDatabase) and database.deletion_protection
    return tuple(
        replace(part, protected=protected) if part.name == names.GATEWAY_NAMESPACE else part for part in NAMESPACES
    )


def _node_pools(config: StackConfig, pools: Iterable[Pool]) -> tuple[NodePoolPart, ...]:
    if not isinstance(config.cluster, GkeCluster):
        return ()
    retiring = sorted(config.retiring_pools, key=lambda pool: pool.node_pool_name)
    return (
        *(node_pool(pool, config.models, config.tenants, config.pools) for pool in pools),
        *(node_pool(pool) for pool in retiring),
    )


def _cluster_part(stack: str, config: StackConfig) -> ClusterPart:
    cluster: Cluster = config.cluster
    match cluster:
        case ExistingCluster(name=name, context=context):
            return ExistingClusterPart(name or stack, context)
        case GkeCluster():
            return GkeClusterPart(
                name=cluster.name,
                project=cluster.project,
                location=cluster.location,
                release_channel=cluster.release_channel.upper(),
                node_zones=tuple(sorted(cluster.node_zones)),
                authorized_networks=tuple(
                    sorted((network.name, network.cidr) for network in cluster.authorized_networks)
                ),
                deletion_protection=cluster.deletion_protection,
                gateway_api=isinstance(config.gateway.exposure, RouteExposure),
            )
