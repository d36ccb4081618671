"""GPU quota: flavors from pools, a ClusterQueue for each tenant, and one for the engines."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby

from infra.blueprint import names
from infra.blueprint.model import (
    ChartLocation,
    ChartPart,
    ClusterQueuePart,
    EnginePart,
    FlavorQuotaPart,
    FolderChartLocation,
    LocalQueuePart,
    OciChartLocation,
    PriorityClassPart,
    QuotaPart,
    RepositoryChartLocation,
    ResourceFlavorPart,
    ResourceQuotaGroupPart,
)
from infra.blueprint.nodes import device_resource, node_labels, tolerations
from infra.config.cluster import GkeCluster
from infra.config.pools import Pool
from infra.config.sources import ChartName, FolderChart, OciChart, RepositoryChart, Sources
from infra.config.stack import StackConfig
from infra.config.tenants import Tenant
from infra.pins import KUEUE_CHART, KUEUE_IMAGE, ChartPin

PRIORITY_CLASSES = (
    PriorityClassPart(names.BATCH_PRIORITY, 100, "Tenants' jobs: they give way when an engine needs their GPU."),
    PriorityClassPart(names.SERVING_PRIORITY, 1000, "Engines that answer requests: they are admitted before jobs."),
)


def quota_part(config: StackConfig, engines: Iterable[EnginePart]) -> QuotaPart:
    """Kueue and its queues for the pools and tenants of `config`, and for `engines`."""
    taken = engine_devices(engines)
    pools = sorted(config.gpu_pools, key=lambda pool: pool.name)
    tenants = sorted(config.tenants, key=lambda tenant: tenant.name)
    return QuotaPart(
        namespace=names.KUEUE_NAMESPACE,
        chart=ChartPart(chart_location(KUEUE_CHART, ChartName.KUEUE, config.sources), KUEUE_CHART.version),
        image=KUEUE_IMAGE.reference(config.sources.mirror),
        replicas=2 if isinstance(config.cluster, GkeCluster) else 1,
        managed_namespace_labels=names.MANAGED_NAMESPACE_LABELS,
        cohort=names.COHORT,
        flavors=tuple(
            _flavor(config, pool)
            # The flavor of a pool on its way out stays for the jobs that were admitted by it; no queue names it.
            for pool in (*pools, *sorted(config.retiring_pools, key=lambda pool: pool.node_pool_name))
            if pool.is_gpu
        ),
        cluster_queues=(
            *_serving_cluster_queues(config, pools, taken),
            *(_tenant_cluster_queue(config, tenant) for tenant in tenants),
        ),
        local_queues=(
            *(
                LocalQueuePart(names.SERVING_LOCAL_QUEUE, names.ENGINES_NAMESPACE, names.SERVING_QUEUE, None)
                for _ in pools[:1]
            ),
            *(
                LocalQueuePart(tenant.name, names.WORKLOADS_NAMESPACE, _tenant_queue_name(tenant), tenant.name)
                for tenant in tenants
            ),
        ),
        priority_classes=PRIORITY_CLASSES,
    )


def chart_location(pin: ChartPin, name: ChartName, sources: Sources) -> ChartLocation:
    """Where a chart comes from: its own source in the stack file, else the mirror, else its own registry."""
    match sources.charts.get(name):
        case OciChart(url=url):
            return OciChartLocation(url)
        case RepositoryChart(url=url):
            return RepositoryChartLocation(url, str(name))
        case FolderChart(path=path):
            return FolderChartLocation(path)
        case None:
            return OciChartLocation(pin.url(sources.mirror))


def _flavor(config: StackConfig, pool: Pool) -> ResourceFlavorPart:
    return ResourceFlavorPart(pool.node_pool_name, node_labels(pool, config.cluster), tolerations(pool))


def _groups(config: StackConfig, pools: list[Pool], devices: dict[str, int]) -> tuple[ResourceQuotaGroupPart, ...]:
    """Pools grouped by resource name: Kueue lets a resource stand in one group only."""

    def resource(pool: Pool) -> str:
        return device_resource(pool, config.cluster)

    return tuple(
        ResourceQuotaGroupPart(
            name,
            tuple(FlavorQuotaPart(pool.node_pool_name, devices.get(pool.name, 0), None) for pool in group),
        )
        for name, group in groupby(sorted(pools, key=lambda pool: (resource(pool), pool.name)), key=resource)
    )


def _serving_cluster_queues(
    config: StackConfig, pools: list[Pool], taken: Mapping[str, int]
) -> tuple[ClusterQueuePart, ...]:
    if not pools:
        return ()
    devices = {pool.name: taken.get(pool.node_pool_name, 0) for pool in pools}
    return (ClusterQueuePart(names.SERVING_QUEUE, None, _groups(config, pools, devices)),)


def engine_devices(engines: Iterable[EnginePart]) -> Mapping[str, int]:
    """Flavor → devices that the engines on it take together."""
    found: dict[str, int] = {}
    for engine in engines:
        if engine.flavor is not None and engine.devices is not None:
            found[engine.flavor] = found.get(engine.flavor, 0) + engine.devices.count * engine.engines_at_most
    return found


def with_serving_quota(quota: QuotaPart, engines: Iterable[EnginePart]) -> QuotaPart:
    """`quota` with exactly what `engines` take in the queue that they enter through."""
    taken = engine_devices(engines)

    def fitted(queue: ClusterQueuePart) -> ClusterQueuePart:
        if queue.tenant is not None:
            return queue
        groups = tuple(
            replace(
                group,
                flavors=tuple(replace(flavor, nominal=taken.get(flavor.flavor, 0)) for flavor in group.flavors),
            )
            for group in queue.groups
        )
        return replace(queue, groups=groups)

    return replace(quota, cluster_queues=tuple(map(fitted, quota.cluster_queues)))


def _tenant_queue_name(tenant: Tenant) -> str:
    return f"{names.TENANT_CLUSTER_QUEUE_PREFIX}{tenant.name}"


def _tenant_cluster_queue(config: StackConfig, tenant: Tenant) -> ClusterQueuePart:
    devices = config.gpu_quota(tenant)
    return ClusterQueuePart(
        _tenant_queue_name(tenant), tenant.name, _groups(config, list(config.pools_open_to(tenant)), devices)
    )
