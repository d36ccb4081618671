"""Parts that the tests of this folder start from."""

from dataclasses import replace
from typing import Any

from components.observability.scraping import Targets
from infra.blueprint.model import ChartPart, FolderChartLocation, PrometheusPart, QuotaPart
from tests.unit.components.parts import ENGINE, GATEWAY, GPU_ENGINE

_PART = PrometheusPart(
    namespace="observability",
    image="registry.example.com/prometheus:v3.13.5",
    storage="10Gi",
    retention_days=15,
    scrape_seconds=30,
    alertmanagers=(),
    read_from=(),
    database_exporter_image="registry.example.com/postgres-exporter:v0.20.1",
    cache_exporter_image="registry.example.com/redis_exporter:v1.97.0",
)

QUOTA = QuotaPart(
    namespace="kueue-system",
    chart=ChartPart(FolderChartLocation("charts/kueue"), "0.19.2"),
    image="registry.example.com/kueue:v0.19.2",
    replicas=1,
    managed_namespace_labels={},
    cohort="cohort",
    flavors=(),
    cluster_queues=(),
    local_queues=(),
    priority_classes=(),
)

TARGETS = Targets(replace(GATEWAY, metrics_port=4002), (ENGINE, GPU_ENGINE), QUOTA)


def prometheus_part(**changes: Any) -> PrometheusPart:
    """A Prometheus, with other values for some fields."""
    return replace(_PART, **changes)


def without_cache() -> dict[str, Any]:
    """The change that leaves the cache out."""
    return {"cache_exporter_image": None}
