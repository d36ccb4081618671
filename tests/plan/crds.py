"""The definitions of Kueue's objects, from the chart of the pinned version."""

import functools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from infra.pins import KUEUE_CHART
from lab.paths import charts_directory

MODULE = f"sigs.k8s.io/kueue@v{KUEUE_CHART.version}"
DEFINITIONS = Path("templates") / "crd"
TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
"""The chart's template actions; none of them touches a schema."""


class DefinitionsNotAtHandError(Exception):
    """Neither the lab's charts nor Go's module proxy have them."""


@functools.cache
def schema_of(api_version: str, kind: str) -> dict[str, Any]:
    """The OpenAPI schema of a kind, as the API server would check it.

    Raises:
        KeyError: The chart defines no such kind in that version.
        DefinitionsNotAtHandError: The chart cannot be had.
    """
    group, _, version = api_version.partition("/")
    for path in sorted((_chart() / DEFINITIONS).glob(f"{group}_*.yaml")):
        text = path.read_text(encoding="utf-8")
        if f"    kind: {kind}\n" in text:
            for offered in yaml.safe_load(TEMPLATE.sub("", text))["spec"]["versions"]:
                if offered["name"] == version:
                    return offered["schema"]["openAPIV3Schema"]
    raise KeyError(f"{api_version} {kind}")


@functools.cache
def _chart() -> Path:
    laid = charts_directory() / "kueue"
    if _is_pinned(laid):
        return laid
    command = ["go", "mod", "download", "-json", MODULE]
    try:
        run = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=300, check=False)
    except OSError as error:
        raise DefinitionsNotAtHandError(f"Go is not at hand: {error}") from error
    if run.returncode != 0:
        raise DefinitionsNotAtHandError(run.stderr or run.stdout)
    return Path(json.loads(run.stdout)["Dir"]) / "charts" / "kueue"


def _is_pinned(chart: Path) -> bool:
    description = chart / "Chart.yaml"
    return description.is_file() and yaml.safe_load(description.read_text())["version"] == KUEUE_CHART.version
