"""Copies what a pinned module ships beside its code (a chart, stage files) into the cache.

`go mod download` checks the module against go.sum, so the copies are as trustworthy as the binaries.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import cast

from lab import paths
from lab.binaries.module_file import required_version
from lab.binaries.registry import CHARTS, SIMULATED_NODE_STAGES, Assets, Subchart
from lab.binaries.toolchain import build_environment, find_toolchain
from lab.errors import LabError
from lab.locks import BUILDING, exclusive
from lab.progress import Progress


def ensure_charts(progress: Progress) -> Path:
    """Copy every pinned chart into the cache's charts folder and return that folder."""
    for chart in CHARTS:
        _ensure(chart, paths.charts_directory() / chart.name, progress)
    return paths.charts_directory()


def ensure_simulated_node_stages(progress: Progress) -> Path:
    """Copy kwok's own stage files into the cache and return their folder."""
    target = paths.cache_directory() / "assets" / SIMULATED_NODE_STAGES.name
    return _ensure(SIMULATED_NODE_STAGES, target, progress)


def _ensure(assets: Assets, target: Path, progress: Progress) -> Path:
    stamp = target / ".version"
    key = _key(assets)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == key:
        return target
    with exclusive(paths.build_lock(), BUILDING, progress):
        progress(f"copying {assets.name} out of {assets.module}: {assets.why}")
        _copy(assets, target)
        stamp.write_text(key, encoding="utf-8")
    return target


def _key(assets: Assets) -> str:
    modules = [assets.module, *(chart.module for chart in assets.subcharts if chart.module)]
    versions = [f"{module}@{required_version(assets.family.folder, module)}" for module in modules]
    return " ".join([*versions, *assets.sources, *(chart.name for chart in assets.subcharts)])


def _copy(assets: Assets, target: Path) -> None:
    module = _module_folder(assets, assets.module)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for source in (module / path for path in assets.sources):
        if source.is_dir():
            # Without the modes: the module cache is read-only, and so would be its copy.
            shutil.copytree(source, target, dirs_exist_ok=True, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, target / source.name)
    _make_writable(target)
    for subchart in assets.subcharts:
        _add_subchart(assets, subchart, target / "charts" / subchart.name)


def _make_writable(target: Path) -> None:
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)


def _add_subchart(assets: Assets, subchart: Subchart, target: Path) -> None:
    if subchart.module:
        source = _module_folder(assets, subchart.module) / subchart.source
        shutil.copytree(source, target, dirs_exist_ok=True, copy_function=shutil.copyfile)
        _make_writable(target)
    else:
        target.mkdir(parents=True)
        (target / "Chart.yaml").write_text(f"apiVersion: v2\nname: {subchart.name}\nversion: 0.0.0\n", encoding="utf-8")


def _module_folder(assets: Assets, module: str) -> Path:
    answer = subprocess.run(
        [find_toolchain().go, "mod", "download", "-json", module],
        cwd=assets.family.folder,
        env=build_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    described = cast("dict[str, str]", json.loads(answer.stdout or "{}"))
    if answer.returncode != 0 or "Dir" not in described:
        reason = described.get("Error") or answer.stderr.strip() or "go said nothing"
        raise LabError(
            f"The module {module}, which holds {assets.why}, could not be downloaded: {reason}. "
            "Check that Go's module proxy can be reached, then run this again."
        )
    return Path(described["Dir"])
