"""Definitions of custom objects: Kueue's from the pinned version's chart, the Gateway API's from its modules."""

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
GATEWAY_API_MODULE = "sigs.k8s.io/gateway-api@v1.6.0"
GATEWAY_API_GROUP = "gateway.networking.k8s.io"
INFERENCE_MODULE = "sigs.k8s.io/gateway-api-inference-extension@v1.6.0"
INFERENCE_GROUP = "inference.networking.k8s.io"
TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
"""The chart's template actions; none of them touches a schema."""


class DefinitionsNotAtHandError(Exception):
    """Neither the lab's charts nor Go's module proxy have them."""


def gateway_api_definitions() -> list[Path]:
    """The files that define the Gateway API's HTTPRoute and Gateway.

    Raises:
        DefinitionsNotAtHandError: The module cannot be had.
    """
    folder = module_folder(GATEWAY_API_MODULE) / "config" / "crd" / "standard"
    return [folder / f"{GATEWAY_API_GROUP}_{plural}.yaml" for plural in ("gateways", "httproutes")]


@functools.cache
def schema_of(api_version: str, kind: str) -> dict[str, Any]:
    """The OpenAPI schema of a kind, as the API server would check it.

    Raises:
        KeyError: The chart defines no such kind in that version.
        DefinitionsNotAtHandError: The chart cannot be had.
    """
    group, _, version = api_version.partition("/")
    for path in _definitions(group):
        text = path.read_text(encoding="utf-8")
        if f"    kind: {kind}\n" in text:
            for offered in yaml.safe_load(TEMPLATE.sub("", text))["spec"]["versions"]:
                if offered["name"] == version:
                    return offered["schema"]["openAPIV3Schema"]
    raise KeyError(f"{api_version} {kind}")


def _definitions(group: str) -> list[Path]:
    if group == GATEWAY_API_GROUP:
        return gateway_api_definitions()
    if group == INFERENCE_GROUP:
        return sorted((module_folder(INFERENCE_MODULE) / "config" / "crd" / "bases").glob(f"{group}_*.yaml"))
    return sorted((_chart() / DEFINITIONS).glob(f"{group}_*.yaml"))


def _chart() -> Path:
    laid = charts_directory() / "kueue"
    return laid if _is_pinned(laid) else module_folder(MODULE) / "charts" / "kueue"


@functools.cache
def module_folder(module: str) -> Path:
    """The folder of a Go module, given as `path@version`.

    Raises:
        DefinitionsNotAtHandError: It cannot be had.
    """
    command = ["go", "mod", "download", "-json", module]
    try:
        run = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=300, check=False)
    except OSError as error:
        raise DefinitionsNotAtHandError(f"Go is not at hand: {error}") from error
    if run.returncode != 0:
        raise DefinitionsNotAtHandError(run.stderr or run.stdout)
    return Path(json.loads(run.stdout)["Dir"])


def _is_pinned(chart: Path) -> bool:
    description = chart / "Chart.yaml"
    return description.is_file() and yaml.safe_load(description.read_text())["version"] == KUEUE_CHART.version
