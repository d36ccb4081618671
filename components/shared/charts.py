"""Where Pulumi's chart resource finds a chart."""

from typing import assert_never

from infra.blueprint.model import ChartPart, FolderChartLocation, OciChartLocation, RepositoryChartLocation


def chart_source(part: ChartPart) -> tuple[str, str | None, str | None]:
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
