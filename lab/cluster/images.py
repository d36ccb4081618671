"""Puts images into the lab's containerd: no registry is reached, so what a pod names must be there already."""

import contextlib
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict, cast

from lab import paths
from lab.cluster.addresses import (
    COREDNS_IMAGE,
    KUEUE_IMAGE,
    KYVERNO_IMAGE,
    KYVERNO_INIT_IMAGE,
    PAUSE_IMAGE,
    PROBE_IMAGE,
)
from lab.cluster.commands import Argument, run
from lab.cluster.node import containerd_socket
from lab.cluster.one_layer_image import OneLayerImage, write_image
from lab.errors import LabError
from lab.progress import Progress, silent

IMPORT_SECONDS = 900.0
"""How long an import may take; the largest image is 3 GB."""


class _Descriptor(TypedDict):
    digest: str


class _Index(TypedDict):
    manifests: list[_Descriptor]


def import_image(archive: Path, reference: str, progress: Progress = silent) -> bool:
    """Import an OCI archive under `reference`, and return whether that was needed.

    It is not when containerd already holds the archive's digest under that name.

    Raises:
        LabError: When the lab is not up, the archive is not one OCI image, or the import fails.
    """
    digest = archive_digest(archive)
    if imported_images().get(reference) == digest:
        return False
    progress(f"importing {reference}")
    # Without --base-name, ctr names the image as the archive's own annotation says.
    _ctr("images", "import", str(archive), doing=f"Importing {reference}", timeout=IMPORT_SECONDS)
    images = imported_images()
    if images.get(reference) != digest:
        raise LabError(
            f"{archive} was imported, but containerd does not hold it as {reference}. "
            "The archive's `io.containerd.image.name` annotation must be that name."
        )
    return True


def imported_images() -> dict[str, str]:
    """Return the digest of every image in the lab's containerd, by reference."""
    listed = _ctr("images", "list", doing="Listing the lab's images")
    rows = [line.split() for line in listed.splitlines()[1:]]
    return {row[0]: row[2] for row in rows if len(row) > 2}


def archive_digest(archive: Path) -> str:
    """Return the digest of the one image in an OCI archive.

    Raises:
        LabError: When the file is not an OCI archive with exactly one image.
    """
    index: _Index = {"manifests": []}
    with contextlib.suppress(OSError, KeyError, ValueError, tarfile.TarError), tarfile.open(archive) as content:
        member = content.extractfile("index.json")
        index = cast("_Index", json.load(member)) if member else index
    if len(index["manifests"]) != 1:
        raise LabError(f"{archive} is not an OCI archive with exactly one image: build it again.")
    return index["manifests"][0]["digest"]


def lab_images(binaries: Mapping[str, Path]) -> list[OneLayerImage]:
    """Return the images that the lab makes of its own binaries, under the names that manifests and charts use."""
    return [
        OneLayerImage(PAUSE_IMAGE, {"/pause": binaries["pause"]}, "/pause"),
        OneLayerImage(COREDNS_IMAGE, {"/coredns": binaries["coredns"]}, "/coredns"),
        OneLayerImage(KUEUE_IMAGE, {"/manager": binaries["kueue"]}, "/manager"),
        OneLayerImage(KYVERNO_IMAGE, {"/kyverno": binaries["kyverno"]}, "/kyverno"),
        OneLayerImage(KYVERNO_INIT_IMAGE, {"/kyverno-init": binaries["kyverno-init"]}, "/kyverno-init"),
        OneLayerImage(PROBE_IMAGE, {"/probe": binaries["probe"]}, "/probe"),
    ]


def ensure_lab_images(binaries: Mapping[str, Path], progress: Progress) -> None:
    """Build and import those of the lab's own images that are missing or were made of older binaries."""
    present = imported_images()
    for image in lab_images(binaries):
        stamp = paths.state_directory() / "images" / hashlib.sha256(image.reference.encode()).hexdigest()[:16]
        source = _fingerprint(image)
        if image.reference in present and stamp.exists() and stamp.read_text(encoding="utf-8") == source:
            continue
        with tempfile.TemporaryDirectory(prefix="image-", dir=paths.state_directory()) as folder:
            archive = Path(folder) / "image.tar"
            write_image(image, archive)
            import_image(archive, image.reference, progress)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(source, encoding="utf-8")


def _fingerprint(image: OneLayerImage) -> str:
    """Return what changes with the programs in the image, without reading them."""
    statuses = [(path, source.stat()) for path, source in sorted(image.programs.items())]
    return repr([(path, status.st_size, status.st_mtime_ns) for path, status in statuses])


def ctr_command(socket: Path) -> list[Argument]:
    """Return the `ctr` that asks the containerd on `socket` in the kubelet's namespace."""
    return [paths.binaries_directory() / "ctr", "--address", socket, "--namespace", "k8s.io"]


def _ctr(*arguments: str, doing: str, timeout: float = 60.0) -> str:
    socket = containerd_socket(paths.state_directory())
    if not socket.exists():
        raise LabError(f"{doing} failed: the lab is not up. Run `bulkhead lab up` first.")
    return run([*ctr_command(socket), *arguments], doing=doing, timeout=timeout)
