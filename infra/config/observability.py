"""`bulkhead:observability`: whether the platform is watched, and by what."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from infra.config import forms
from infra.config.base import Bytes, NamespaceName, StackFilePart

AlertmanagerAddress = Annotated[str, StringConstraints(pattern=forms.ALERTMANAGER.pattern, max_length=253 + 6)]
"""`host:port`, as alertmanager.monitoring.svc:9093."""


class NoObservability(StackFilePart):
    """Nothing is scraped, and the gateway counts nothing for a scraper."""

    kind: Literal["none"] = "none"
    """`none`: no metrics, no alerts."""


class PrometheusObservability(StackFilePart):
    """A Prometheus of the platform's own, with its alert rules and dashboards."""

    kind: Literal["prometheus"]
    """`prometheus`: one Prometheus pod with a volume, in a namespace of its own."""
    storage: Bytes = "10Gi"
    """Size of its volume; it drops the oldest data before the volume is full."""
    retention_days: int = Field(default=15, ge=1, le=365)
    """Days that data is kept, as far as the volume allows."""
    scrape_interval_seconds: int = Field(default=30, ge=5, le=120)
    """Seconds between two looks at each target, and between two evaluations of the alert rules."""
    alertmanagers: tuple[AlertmanagerAddress, ...] = Field(
        default=(), max_length=8, examples=[["alertmanager.monitoring.svc:9093"]]
    )
    """Where alerts are sent, each as host:port, over HTTP; with none they are seen in Prometheus alone.

    Where SR1 is in force, none is reached at an address in the networks of an external database or cache.
    """
    read_from: tuple[NamespaceName, ...] = Field(default=(), max_length=16, examples=[["monitoring"]])
    """Namespaces whose pods may query it, as Grafana's; without one, only `kubectl port-forward` reaches it."""


Observability = Annotated[NoObservability | PrometheusObservability, Field(discriminator="kind")]
