"""Charts, from wherever the blueprint finds them."""

from collections.abc import Mapping
from typing import Any, Protocol, assert_never

import pulumi
import pulumi_kubernetes as kubernetes

from infra.blueprint.model import ChartPart, FolderChartLocation, OciChartLocation, RepositoryChartLocation


class Charted(Protocol):
    """A part of the platform that comes from a chart."""

    @property
    def chart(self) -> ChartPart:
        """The chart."""
        ...

    @property
    def namespace(self) -> str:
        """Where it goes; it must exist."""
        ...


def make_chart(name: str, release: str, part: Charted, values: Mapping[str, Any], parent: pulumi.Resource) -> None:
    """Register the objects of a chart.

    `helm.v4.Chart` waits for what it makes, so whatever depends on the chart meets webhooks that answer. It leaves the
    chart's hooks out.

    Args:
        name: The resource's name in Pulumi.
        release: The Helm release's name. Where it contains the chart's name, objects get no second prefix.
        part: The chart, and where it goes.
        values: The chart's values.
        parent: The component that it belongs to.
    """
    chart, repository, version = _source(part.chart)
    kubernetes.helm.v4.Chart(
        name,
        name=release,
        namespace=part.namespace,
        chart=chart,
        version=version,
        repository_opts={"repo": repository} if repository else None,
        values=values,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _source(part: ChartPart) -> tuple[str, str | None, str | None]:
    """Chart, repository and version, as `helm.v4.Chart` wants them; a folder states its version itself."""
    match part.location:
        case OciChartLocation(url=url):
            return url, None, part.version
        case RepositoryChartLocation(url=url, chart=chart):
            return chart, url, part.version
        case FolderChartLocation(path=path):
            return path, None, None
        case _:
            assert_never(part.location)
