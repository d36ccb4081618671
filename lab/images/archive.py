"""OCI image archives out of plain folders: one uncompressed layer for each folder, no daemon and no registry.

Formats: OCI image layout 1.0.0, image manifest and configuration 1.0, and the layer rules for deleted files (`.wh.`
entries), all in https://github.com/opencontainers/image-spec.
"""

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_OPAQUE_ATTRIBUTE = "trusted.overlay.opaque"


@dataclass(frozen=True)
class Layer:
    """A finished layer: its uncompressed tar, that file's SHA-256 (hexadecimal) and its size in bytes."""

    path: Path
    digest: str
    size: int


@dataclass(frozen=True)
class RuntimeConfiguration:
    """What a container of the image starts with unless its pod says otherwise."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    working_directory: str = "/"
    user: str = ""
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


class _HashingWriter(io.RawIOBase):
    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.hash.update(data)
        self.size += len(data)
        return self.target.write(data)


def write_layer(tree: Path, path: Path) -> Layer:
    """Write the files of `tree`, an overlay's upper folder, as a layer at `path`.

    Owners, modes, links and times to the second are kept (Python's compiled modules carry their source's time);
    sockets and devices are left out. Raises OSError.
    """
    with path.open("wb") as file:
        writer = _HashingWriter(file)
        with tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for entry, name in _walk(tree, ""):
                _add_entry(tar, entry, name)
    return Layer(path, writer.hash.hexdigest(), writer.size)


def read_layer(path: Path) -> Layer:
    """Describe the layer tar at `path` by reading it once. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Layer(path, digest, path.stat().st_size)


def write_archive(
    path: Path, reference: str, layers: Sequence[Layer], configuration: RuntimeConfiguration, architecture: str
) -> str:
    """Write an OCI archive at `path` that a container runtime imports as `reference`, and return its manifest digest.

    `architecture` is Go's name (`amd64`). Raises OSError.
    """
    configuration_blob = _encode(_configuration(layers, configuration, architecture))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor(CONFIGURATION_TYPE, _sha256(configuration_blob), len(configuration_blob)),
        "layers": [_descriptor(LAYER_TYPE, layer.digest, layer.size) for layer in layers],
    }
    manifest_blob = _encode(manifest)
    named = _descriptor(MANIFEST_TYPE, _sha256(manifest_blob), len(manifest_blob)) | {
        # containerd names the image by the first annotation, and the specification has the second.
        "annotations": {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference},
        "platform": {"architecture": architecture, "os": "linux"},
    }
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        _add_bytes(tar, "oci-layout", _encode({"imageLayoutVersion": "1.0.0"}))
        _add_bytes(tar, "index.json", _encode({"schemaVersion": 2, "manifests": [named]}))
        for blob in (manifest_blob, configuration_blob):
            _add_bytes(tar, f"blobs/sha256/{_sha256(blob)}", blob)
        for layer in layers:
            information = tarfile.TarInfo(f"blobs/sha256/{layer.digest}")
            information.size = layer.size
            with layer.path.open("rb") as file:
                tar.addfile(information, file)
    return f"sha256:{_sha256(manifest_blob)}"


def _configuration(
    layers: Sequence[Layer], configuration: RuntimeConfiguration, architecture: str
) -> dict[str, object]:
    process = {
        "Entrypoint": list(configuration.entrypoint),
        "Cmd": list(configuration.command),
        "Env": [f"{name}={value}" for name, value in configuration.environment.items()],
        "WorkingDir": configuration.working_directory,
        "User": configuration.user,
        "StopSignal": configuration.stop_signal,
        "Labels": dict(configuration.labels),
    }
    return {
        "architecture": architecture,
        "os": "linux",
        "config": {name: value for name, value in process.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
    }


def _walk(folder: Path, prefix: str) -> Iterator[tuple["os.DirEntry[str]", str]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = prefix + entry.name
        yield entry, name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/")


def _add_entry(tar: tarfile.TarFile, entry: "os.DirEntry[str]", name: str) -> None:
    status = entry.stat(follow_symlinks=False)
    if _is_whiteout(status):
        folder, _, base = name.rpartition("/")
        tar.addfile(tarfile.TarInfo(f"{folder}/.wh.{base}".lstrip("/")))
        return
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        return
    information = tar.gettarinfo(entry.path, name)
    information.mtime = int(status.st_mtime)
    information.uname = information.gname = ""
    if information.isreg():
        with Path(entry.path).open("rb") as file:
            tar.addfile(information, file)
        return
    tar.addfile(information)
    if information.isdir() and _is_opaque(entry.path):
        tar.addfile(tarfile.TarInfo(f"{name}/.wh..wh..opq"))


def _is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _is_opaque(path: str) -> bool:
    try:
        return os.getxattr(path, _OPAQUE_ATTRIBUTE, follow_symlinks=False) == b"y"
    except OSError:
        return False


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    information = tarfile.TarInfo(name)
    information.size = len(data)
    tar.addfile(information, io.BytesIO(data))


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def _encode(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
