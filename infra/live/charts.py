"""Whether charts that come from folders are there: asked before anything is registered.

The provider would tell as much, but once half of the platform stands.
"""

from collections.abc import Iterator
from pathlib import Path

from infra.blueprint.model import Blueprint, ChartPart, FolderChartLocation
from infra.config.sources import ChartName
from infra.faults import Fault


def chart_faults(blueprint: Blueprint, project: Path) -> list[Fault]:
    """What is wrong with the folders that a platform's charts are to come from.

    Args:
        blueprint: The platform.
        project: The folder that the charts' paths start from.
    """
    return [
        Fault(
            f"bulkhead:sources.charts.{name}.path",
            f"there is no chart in {location.path}: {project / location.path / 'Chart.yaml'} is missing",
            f"{name} cannot be installed, and what rests on it would fail halfway",
            "a folder of the project that holds Chart.yaml, or remove the entry to take the chart from its registry",
        )
        for name, chart in _charts(blueprint)
        if isinstance(location := chart.location, FolderChartLocation)
        and not (project / location.path / "Chart.yaml").is_file()
    ]


def _charts(blueprint: Blueprint) -> Iterator[tuple[ChartName, ChartPart]]:
    """The charts that are installed; Kyverno's is not in the trusted tier."""
    yield ChartName.KUEUE, blueprint.quota.chart
    if blueprint.admission.installed:
        yield ChartName.KYVERNO, blueprint.admission.chart
