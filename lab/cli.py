"""`bulkhead lab …`: the cluster and engine on this machine. Also `python -m lab.cli`.

Exit codes, as those of every `bulkhead` command: 0 fine; 1 `lab status` found a part that is not ready; 2 bad usage,
or a machine that cannot carry the lab, and nothing was changed; 3 the command could not do its work.
Progress goes to standard error, results to standard output.
"""

import importlib
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import cast

import click

from infra.cli import exit_codes
from lab import binaries, paths
from lab import cluster as lab_cluster
from lab.binaries.charts_link import lay_charts
from lab.errors import LabEnvironmentError, LabError
from lab.progress import Progress

_PROJECT = Path(__file__).resolve().parents[1]


@click.group()
def lab() -> None:
    """A real Kubernetes cluster on this machine, without Docker.

    Exit codes: 0 fine, 1 `status` found a part that is not ready, 2 bad usage or a machine that cannot carry the lab,
    3 the command could not do its work.
    """


@lab.command("up")
def up_command() -> None:
    """Bring the cluster up, or what is missing of it; prints its kubeconfig."""
    with _faults_as_exit_codes():
        click.echo(lab_cluster.up(_progress()).kubeconfig)


@lab.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status_command(as_json: bool) -> None:
    """Show how each part of the cluster is; exits 1 when a part is not ready, 0 when all are."""
    with _faults_as_exit_codes():
        found = lab_cluster.status()
        click.echo(json.dumps(asdict(found), indent=2) if as_json else _table(found))
    if not found.up:
        sys.exit(exit_codes.UNSOUND)


@lab.command("down")
def down_command() -> None:
    """End everything that `up` started and remove the cluster's state; built binaries and images stay."""
    with _faults_as_exit_codes():
        lab_cluster.down(_progress())


class _Verbatim(click.Command):
    """A command that hands on what follows it as it is: click's own parser would drop kubectl's `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take every word, options and `--` included, as the `arguments` of the callback."""
        ctx.params["arguments"] = tuple(args)
        return []


@lab.command("kubectl", cls=_Verbatim, options_metavar="ARGS...", add_help_option=False)
def kubectl_command(arguments: tuple[str, ...]) -> None:
    """Run kubectl on the lab's cluster; its exit code is kept."""
    with _faults_as_exit_codes():
        _require_kubeconfig()
        kubectl = lab_cluster.kubectl()
    sys.exit(kubectl.pass_through(arguments))


@lab.command("prune")
def prune_command() -> None:
    """Remove built binaries, images and charts; refuses while the lab is up."""
    with _faults_as_exit_codes():
        freed = binaries.prune(_progress())
        click.echo(f"freed {freed / 1024**2:.0f} MiB in {paths.cache_directory()}")
        click.echo("Go's own caches stay; `go clean -cache -modcache` empties them.", err=True)


@lab.command("env")
def env_command() -> None:
    """Print what makes a shell use the lab, for `eval "$(bulkhead lab env)"`; builds Pulumi and Helm if need be."""
    with _faults_as_exit_codes():
        _require_kubeconfig()
        _ensure_engine(_progress())
        variables = {"KUBECONFIG": str(lab_cluster.cluster().kubeconfig), **_engine_environment()}
    # Last, so that the user's own kubectl and helm come first and the lab's serve where there are none.
    searched = variables.get("PATH", os.environ.get("PATH", os.defpath))
    variables["PATH"] = os.pathsep.join([searched, str(paths.binaries_directory())])
    for name, value in sorted(variables.items()):
        click.echo(f"export {name}={shlex.quote(value)}")


def _ensure_engine(progress: Progress) -> None:
    """Build the Pulumi and the Helm that are neither installed nor built, and link the charts into the project."""
    discover = importlib.import_module("lab.engine.discover")
    missing: list[str] = []
    try:
        discover.find_cli()
    except LabEnvironmentError:
        missing.append("pulumi")
    if not ((paths.binaries_directory() / "helm").exists() or shutil.which("helm")):
        missing.append("helm")
    if missing:
        binaries.ensure(missing, progress)
    if (_PROJECT / "Pulumi.yaml").exists():
        lay_charts(_PROJECT, progress)


def _engine_environment() -> dict[str, str]:
    """Return what the deployment engine wants set; imported only here, because the cluster works without it."""
    module = importlib.import_module("lab.engine.environment")
    return cast("Callable[[], dict[str, str]]", module.engine_environment)()


def _require_kubeconfig() -> None:
    if not lab_cluster.cluster().kubeconfig.exists():
        raise LabError("The lab is not up, so there is no cluster to talk to. Run `bulkhead lab up` first.")


def _progress() -> Progress:
    started = time.monotonic()
    return lambda line: click.echo(f"[{time.monotonic() - started:5.1f} s] {line}", err=True)


def _table(found: lab_cluster.LabStatus) -> str:
    rows = [("PART", "STATE", "PID", "MIB", "")]
    for part in found.parts:
        pid = "" if part.pid is None else str(part.pid)
        memory = "" if part.memory_mib is None else f"{part.memory_mib:.0f}"
        rows.append((part.name, part.state.value, pid, memory, part.detail))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join([*(row[i].ljust(widths[i]) for i in range(4)), row[4]]).rstrip() for row in rows]
    return "\n".join(lines)


@contextmanager
def _faults_as_exit_codes() -> Generator[None]:
    try:
        yield
    except LabError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(exit_codes.INVALID if isinstance(error, LabEnvironmentError) else exit_codes.FAILED)


if __name__ == "__main__":
    lab(prog_name="bulkhead lab")
