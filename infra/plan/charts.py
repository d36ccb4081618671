"""Rendering a chart that lies in a folder, with `helm template`."""

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import yaml

from infra.pins import POD_SECURITY_VERSION
from infra.plan.model import PlannedResource

ChartRenderer = Callable[[PlannedResource], "list[dict[str, Any]] | str"]
"""The objects of a chart, or why they are not at hand."""

LAB_LINK = ".charts"
"""The project's link to the charts that the lab has laid."""

RENDER_SECONDS = 60
"""A large chart takes a second; a minute means that something hangs."""


def chart_name(chart: PlannedResource) -> str:
    """Where a chart comes from, and its version where the source does not say."""
    version = chart.inputs.get("version")
    return f"{chart.inputs.get('chart')}{f' {version}' if version else ''}"


class FolderChartRenderer:
    """Renders charts whose source is a folder, when the folder and a `helm` binary are at hand."""

    def __init__(self, project: Path, laid: Path, helm: Path | None) -> None:
        """Make a renderer.

        Args:
            project: The folder that the charts' paths start from.
            laid: Where the lab lays charts; it stands for the project's `.charts` where that is not linked yet.
            helm: The `helm` binary, if there is one.
        """
        self._project = project
        self._laid = laid
        self._helm = helm

    def __call__(self, chart: PlannedResource) -> list[dict[str, Any]] | str:
        """The chart's objects, definitions included and hooks left out as `helm.v4.Chart` does; or why not."""
        source = str(chart.inputs["chart"])
        folder = self._folder(source)
        if "://" in source or "version" in chart.inputs:
            return "its source is not a folder"
        if not (folder / "Chart.yaml").is_file():
            return f"there is no chart in {source}"
        if self._helm is None:
            return "there is no helm binary"
        return self._render(chart, folder, self._helm)

    def _folder(self, source: str) -> Path:
        folder = self._project / source
        link, *rest = Path(source).parts
        return self._laid.joinpath(*rest) if link == LAB_LINK and not folder.exists() else folder

    def _render(self, chart: PlannedResource, folder: Path, helm: Path) -> list[dict[str, Any]] | str:
        release, namespace = str(chart.inputs["name"]), str(chart.inputs["namespace"])
        command = [helm, "template", release, folder, "--namespace", namespace, "--include-crds", "--no-hooks"]
        # A helm that was built without a version takes Kubernetes to be 1.20, which charts refuse.
        command += ["--kube-version", POD_SECURITY_VERSION]
        try:
            run = subprocess.run(
                [*command, "--values", "-"],
                input=json.dumps(chart.inputs.get("values", {})),
                capture_output=True,
                text=True,
                timeout=RENDER_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"helm did not render it: {type(error).__name__}"
        if run.returncode != 0:
            return (
                f"helm refused it: {run.stderr.strip().splitlines()[-1] if run.stderr.strip() else 'no reason given'}"
            )
        return list(_objects(run.stdout))


def _objects(text: str) -> Iterable[dict[str, Any]]:
    for document in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if document:
            yield cast("dict[str, Any]", document)
