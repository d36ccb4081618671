"""What watches the platform."""

from components.cache import CacheConnection
from components.database import DatabaseConnection
from components.namespaces import Namespaces
from components.observability import DatastoreExporter, DatastoreExporterArgs, Prometheus, PrometheusArgs, Targets
from infra.blueprint.model import Blueprint
from infra.program.options import InCluster


def create_observability(
    blueprint: Blueprint,
    connections: tuple[DatabaseConnection, CacheConnection | None],
    in_cluster: InCluster,
    namespaces: Namespaces,
) -> None:
    """Register Prometheus and the exporters, where the blueprint has them.

    They wait for namespaces and datastores and for nothing that they watch: what does not come up is when they are
    needed.
    """
    part = blueprint.observability
    if part is None:
        return
    database, cache = connections
    gateway = blueprint.gateway
    ready = (*database.ready, *(cache.ready if cache else ()))
    DatastoreExporter(
        "datastore-exporter",
        DatastoreExporterArgs(part, gateway.namespace, database, cache),
        in_cluster.options((namespaces.by_name[gateway.namespace], *ready)),
    )
    kyverno = blueprint.admission.namespace if blueprint.admission.installed else None
    targets = Targets(gateway, blueprint.engines, blueprint.quota, kyverno)
    watched = {gateway.namespace, blueprint.quota.namespace, *(engine.namespace for engine in blueprint.engines)}
    watched |= {kyverno} if kyverno else set()
    Prometheus(
        "prometheus",
        PrometheusArgs(part, targets),
        in_cluster.options(tuple(namespaces.by_name[name] for name in sorted({*watched, part.namespace}))),
    )
