"""What watches the platform."""

from infra.blueprint import names
from infra.blueprint.model import PrometheusPart
from infra.config.gateway import NoCache
from infra.config.observability import NoObservability, PrometheusObservability
from infra.config.stack import StackConfig
from infra.pins import POSTGRES_EXPORTER_IMAGE, PROMETHEUS_IMAGE, REDIS_EXPORTER_IMAGE


def observability_part(config: StackConfig) -> PrometheusPart | None:
    """The Prometheus that the configuration asks for, or None."""
    match config.observability:
        case NoObservability():
            return None
        case PrometheusObservability() as wanted:
            mirror = config.sources.mirror
            has_cache = not isinstance(config.gateway.cache, NoCache)
            return PrometheusPart(
                namespace=names.OBSERVABILITY_NAMESPACE,
                image=PROMETHEUS_IMAGE.reference(mirror),
                storage=wanted.storage,
                retention_days=wanted.retention_days,
                scrape_seconds=wanted.scrape_interval_seconds,
                alertmanagers=tuple(sorted(wanted.alertmanagers)),
                read_from=tuple(sorted(wanted.read_from)),
                database_exporter_image=POSTGRES_EXPORTER_IMAGE.reference(mirror),
                cache_exporter_image=REDIS_EXPORTER_IMAGE.reference(mirror) if has_cache else None,
            )


def metrics_port(config: StackConfig) -> int | None:
    """Where the gateway answers a scraper; None without one."""
    return None if isinstance(config.observability, NoObservability) else names.METRICS_PORT
