"""Brings the cluster up and takes it down.

`up` compares what runs with what should and starts the difference, so a second `up`, an `up` after a crash and
a first one are the same walk through the same steps.
"""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from lab import paths
from lab.binaries import CLUSTER_BINARIES, ensure, ensure_charts, ensure_simulated_node_stages
from lab.cluster import host, network, ownership, pki
from lab.cluster.addresses import CONTEXT, NODE_NAME, RUNTIME_DIRECTORY
from lab.cluster.control_plane import api_server, control_plane, etcd
from lab.cluster.debian import ensure_packages, require_root
from lab.cluster.image_store import lay_image_store
from lab.cluster.images import ensure_lab_images
from lab.cluster.kubectl import Kubectl, Manifest
from lab.cluster.node import containerd, containerd_root, kube_proxy, kube_router, kubelet, kwok
from lab.cluster.parts import Part, ensure_started, wait_until_ready
from lab.cluster.processes import Process, end, lab_processes
from lab.cluster.simulated_nodes import SIMULATED_NODES, simulated_node_manifests
from lab.cluster.storage import recycle, storage_manifests
from lab.errors import LabEnvironmentError, LabError
from lab.locks import exclusive
from lab.progress import Progress, silent

_MANIFESTS = Path(__file__).parent / "manifests"
_LONGEST_STATE_PATH = 80
_DISK_GIB = 2.0

# A shim stays while it has a container, and the containers are killed next; etcd's data is about to be removed.
_NOTHING_TO_SAVE = {("containerd-shim-runc-v2",), ("etcd",)}
_GIB = 1024**3


@dataclass(frozen=True)
class Cluster:
    """A cluster that can be deployed to.

    Attributes:
        kubeconfig: A kubeconfig with everything embedded, readable by its owner alone.
        context: The context to use in it.
        kubectl: The matching kubectl.
    """

    kubeconfig: Path
    context: str
    kubectl: Path


def cluster() -> Cluster:
    """Return where the lab's cluster is found, whether or not it is up."""
    return Cluster(paths.state_directory() / "kubeconfig", CONTEXT, paths.binaries_directory() / "kubectl")


def kubectl() -> Kubectl:
    """Return the lab's own kubectl, bound to its cluster."""
    return Kubectl(cluster().kubectl, cluster().kubeconfig)


def up(progress: Progress = silent) -> Cluster:
    """Bring the lab's cluster up, or what is missing of it, and return it when all of it is ready.

    Raises:
        LabEnvironmentError: When this machine cannot carry it; nothing was changed.
        LabError: When a build, a program or an object of the cluster fails; what is up stays up.
    """
    require_root()
    _require_room()
    ensure_packages(progress)
    binaries = ensure(CLUSTER_BINARIES, progress)
    stages = ensure_simulated_node_stages(progress)
    ensure_charts(progress)
    with exclusive(ownership.LOCK, "bringing the lab up or down", progress):
        _claim_machine(progress)
        _start_control_plane(binaries, progress)
        _start_node(binaries, progress)
        _start_add_ons(binaries, stages, progress)
    return cluster()


def down(progress: Progress = silent) -> None:
    """End everything that `up` started and remove the cluster's state; binaries and image archives stay.

    The cluster takes its objects along, so the engine's state of the stacks on it is dropped as well.

    Raises:
        LabError: When something cannot be ended or detached; its state folder is then kept.
    """
    state = paths.state_directory()
    require_root()
    with exclusive(ownership.LOCK, "bringing the lab up or down", progress):
        ownership.require_free()
        if not (state.exists() or ownership.is_mine() or network.exists()):
            progress("the lab is not up: nothing to remove")
            _forget_stacks(progress)
            return
        _take_down(state, progress)


def parts(state: Path, stages: Path) -> list[Part]:
    """Return every part of the cluster in the order in which they start."""
    return [
        *control_plane(state),
        containerd(state),
        kubelet(state),
        kube_proxy(state),
        kube_router(state),
        kwok(state, stages),
    ]


def _require_room() -> None:
    state = paths.state_directory()
    if len(str(state)) > _LONGEST_STATE_PATH:
        raise LabEnvironmentError(
            f"The lab's state folder {state} has a longer path than sockets below it can have. Nothing was changed. "
            f"Set BULKHEAD_CACHE to a folder with a path of less than {_LONGEST_STATE_PATH - 10} characters."
        )
    if any(character in str(state) for character in '"\\\n|'):
        raise LabEnvironmentError(
            f"The lab's state folder {state} has a character that cannot be quoted. Set BULKHEAD_CACHE."
        )
    existing = next(folder for folder in [state, *state.parents] if folder.exists())
    free = shutil.disk_usage(existing).free / _GIB
    if free < _DISK_GIB:
        raise LabEnvironmentError(
            f"The disk of {existing} has {free:.1f} GiB free, and a running lab needs {_DISK_GIB:.0f} GiB. "
            "Nothing was changed. Free some space, or set BULKHEAD_CACHE to a folder on a larger disk."
        )


def _claim_machine(progress: Progress) -> None:
    """Make the state folder, the network and the control groups, or find them from an earlier run."""
    state = paths.state_directory()
    ownership.require_free()
    known = _known_host(state)
    is_whole = known is not None and known.boot == host.boot_id() and state.exists()
    if not is_whole:
        if known is not None or state.exists() or ownership.is_mine():
            progress("clearing what an earlier lab left behind")
            _take_down(state, silent)
        _forget_stacks(progress)
        network.require_addresses_free()
        observed = host.observe()
        ownership.claim()
        for record in _host_records(state):
            host.save(observed, record)
    ownership.claim()
    if not network.is_complete():
        _end_processes(silent)
        host.kill_containers()
        progress("making the lab's network")
        network.create()
    host.create_cgroups()
    pki.ensure_certificates(paths.private_directory(state / "pki"))
    pki.write_private(cluster().kubeconfig, pki.kubeconfig(state / "pki", "admin"))


def _host_records(state: Path) -> tuple[Path, Path]:
    """Return where the host's record is kept: one place outlives the state folder, the other a reboot."""
    return RUNTIME_DIRECTORY / "host.json", paths.private_directory(state) / "host.json"


def _known_host(state: Path) -> host.Host | None:
    places = (RUNTIME_DIRECTORY / "host.json", state / "host.json")
    return next((found for place in places if (found := host.load(place)) is not None), None)


def _start_control_plane(binaries: Mapping[str, Path], progress: Progress) -> None:
    state = paths.state_directory()
    if lay_image_store(containerd_root(state), progress):
        progress("giving the node its images")
    # containerd needs nothing of the control plane and takes its second while the API server takes its five.
    for part in (etcd(state), containerd(state), api_server(state)):
        ensure_started(part, binaries, progress)
    wait_until_ready(etcd(state))
    wait_until_ready(containerd(state))
    ensure_lab_images(binaries, progress)
    wait_until_ready(api_server(state))
    kubectl().apply(_read(_MANIFESTS / "access.yaml"))
    for part in control_plane(state)[2:]:
        ensure_started(part, binaries, progress)


def _start_node(binaries: Mapping[str, Path], progress: Progress) -> None:
    state = paths.state_directory()
    for part in (kubelet(state), kube_proxy(state)):
        ensure_started(part, binaries, progress)
    for part in control_plane(state)[2:]:
        wait_until_ready(part)
    wait_until_ready(kubelet(state))
    _wait_for([f"node/{NODE_NAME}"], "condition=Ready", progress)
    # The firewall ends at once when its node is not in the API yet.
    ensure_started(kube_router(state), binaries, progress)
    wait_until_ready(kube_proxy(state))
    wait_until_ready(kube_router(state))


def _start_add_ons(binaries: Mapping[str, Path], stages: Path, progress: Progress) -> None:
    state = paths.state_directory()
    part = kwok(state, stages)
    ensure_started(part, binaries, progress)
    kubectl().apply([*storage_manifests(state), *simulated_node_manifests(), *_read(_MANIFESTS / "dns.yaml")])
    recycle(kubectl(), state)
    wait_until_ready(part)
    _wait_for([f"node/{name}" for name in SIMULATED_NODES], "condition=Ready", progress)
    _wait_for(["deployment/coredns", "--namespace=kube-system"], "condition=Available", progress)


def _read(manifest: Path) -> list[Manifest]:
    return cast("list[Manifest]", list(yaml.safe_load_all(manifest.read_text(encoding="utf-8"))))


def _wait_for(what: list[str], state: str, progress: Progress, patience: float = 120.0) -> None:
    named = ", ".join(name for name in what if not name.startswith("-"))
    deadline = time.monotonic() + patience
    said = False
    while True:
        try:
            kubectl().run("wait", *what, f"--for={state}", "--timeout=2s")
        except LabError as error:
            if time.monotonic() > deadline:
                raise LabError(
                    f"{named} of the lab was not ready within {patience:.0f} s ({error}). `bulkhead lab status` shows "
                    f"each part, the logs are in {paths.state_directory() / 'logs'}, and `bulkhead lab up` goes on "
                    "from here."
                ) from error
            if not said:
                progress(f"waiting for {named}")
                said = True
            time.sleep(0.2)
        else:
            return


def _take_down(state: Path, progress: Progress) -> None:
    known = _known_host(state)
    _end_processes(progress)
    host.kill_containers()
    host.unmount_below(state)
    network.remove()
    host.remove_cgroups()
    progress("removing the cluster's state")
    host.restore(known or host.Host(boot="", settings={}, missing_places=[]), state)
    if state.exists():
        shutil.rmtree(state)
    _forget_stacks(progress)


def _forget_stacks(progress: Progress) -> None:
    """Drop the engine's state of the stacks on a cluster that is gone: it would say that everything still exists."""
    if paths.lab_stacks_directory().exists():
        progress("dropping the engine's state of the stacks that were on this cluster")
        shutil.rmtree(paths.lab_stacks_directory())


def _end_processes(progress: Progress) -> None:
    """End the lab's processes: first those that would start others again, then the pods' keepers, then the rest."""
    mine = [process for process in lab_processes() if process.mark.startswith(f"{paths.state_directory()}|")]
    by_program: dict[str, list[Process]] = {}
    for process in mine:
        by_program.setdefault(process.program.removesuffix(" (deleted)"), []).append(process)
    first = ("kubelet", "kube-router", "kube-proxy", "kwok", "kube-scheduler", "kube-controller-manager")
    for group in (first, ("containerd",), ("containerd-shim-runc-v2",), ("kube-apiserver",), ("etcd",)):
        processes = [process for name in group for process in by_program.pop(name, [])]
        if processes:
            progress(f"ending {', '.join(dict.fromkeys(process.program for process in processes))}")
            end(processes, patience=0.0 if group in _NOTHING_TO_SAVE else 3.0)
    end([process for left in by_program.values() for process in left], patience=1.0)
