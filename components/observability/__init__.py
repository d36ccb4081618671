"""What watches the platform: Prometheus with its rules and dashboards, and the exporters beside the gateway."""

from components.observability.exporters import DatastoreExporter, DatastoreExporterArgs
from components.observability.prometheus import Prometheus, PrometheusArgs
from components.observability.scraping import Targets

__all__ = ["DatastoreExporter", "DatastoreExporterArgs", "Prometheus", "PrometheusArgs", "Targets"]
