"""An OCI image with one layer, made of a static program and the few files it expects around it.

Formats: OCI image layout 1.0.0 and image manifest and configuration 1.0. Two runs on the same files give the
same bytes, and so the same digests.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_CHUNK = 1024**2
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    # Without it, Go's resolver may skip /etc/hosts.
    "etc/nsswitch.conf": "hosts: files dns\n",
}


@dataclass(frozen=True)
class OneLayerImage:
    """What the image holds.

    Attributes:
        reference: The name it gets in containerd, for example `registry.k8s.io/pause:3.10`.
        programs: Absolute path in the image to the file on this machine that goes there (mode 0755).
        entrypoint: The program that a container starts when its pod names none.
        user: Numeric `uid:gid`; `runAsNonRoot` cannot check a name.
    """

    reference: str
    programs: Mapping[str, Path]
    entrypoint: str
    user: str = "65532:65532"


def write_image(image: OneLayerImage, archive: Path) -> str:
    """Write the image as an OCI archive and return its manifest's digest (`sha256:…`)."""
    layer = archive.with_suffix(".layer")
    try:
        _write_layer(image, layer)
        layer_digest = _file_digest(layer)
        configuration = _json(
            {
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {
                    "Entrypoint": [image.entrypoint],
                    "Env": ["PATH=/bin:/"],
                    "User": image.user,
                    "WorkingDir": "/",
                },
                "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": _descriptor("config.v1+json", configuration),
                "layers": [
                    {
                        "mediaType": "application/vnd.oci.image.layer.v1.tar",
                        "digest": layer_digest,
                        "size": layer.stat().st_size,
                    }
                ],
            }
        )
        described = _descriptor("manifest.v1+json", manifest)
        names = {"io.containerd.image.name": image.reference, "org.opencontainers.image.ref.name": image.reference}
        index = _json({"schemaVersion": 2, "manifests": [{**described, "annotations": names}]})
        with tarfile.open(archive, "w") as output:
            _add_text(output, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            _add_text(output, "index.json", index)
            for blob in (configuration, manifest):
                _add_text(output, _blob_path(_digest(blob)), blob)
            _add_file(output, _blob_path(layer_digest), layer, mode=0o644)
    finally:
        layer.unlink(missing_ok=True)
    return _digest(manifest)


def _write_layer(image: OneLayerImage, layer: Path) -> None:
    with tarfile.open(layer, "w") as output:
        folders = {parent for path in [*image.programs, *_ACCOUNTS] for parent in Path(path.lstrip("/")).parents}
        for folder in sorted(str(folder) for folder in folders if str(folder) != "."):
            _add_folder(output, folder, 0o755)
        _add_folder(output, "tmp", 0o1777)
        for path, text in sorted(_ACCOUNTS.items()):
            _add_text(output, path, text.encode())
        for path, source in sorted(image.programs.items()):
            _add_file(output, path.lstrip("/"), source, mode=0o755)


def _add_folder(output: tarfile.TarFile, path: str, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    output.addfile(entry)


def _add_text(output: tarfile.TarFile, path: str, content: bytes) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), 0o644
    output.addfile(entry, io.BytesIO(content))


def _add_file(output: tarfile.TarFile, path: str, source: Path, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = source.stat().st_size, mode
    with source.open("rb") as content:
        output.addfile(entry, content)


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    media_type = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def _blob_path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
