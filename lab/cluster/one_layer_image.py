"""An OCI image with one layer, made of a static program and the few files it expects around it.

Two runs on the same files give the same bytes, and so the same digests.
"""

import io
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.images.archive import RuntimeConfiguration, read_layer, write_archive

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
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
    configuration = RuntimeConfiguration(
        entrypoint=(image.entrypoint,), environment={"PATH": "/bin:/"}, user=image.user
    )
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    try:
        _write_layer(image, layer)
        return write_archive(archive, image.reference, [read_layer(layer)], configuration, architecture)
    finally:
        layer.unlink(missing_ok=True)


def _write_layer(image: OneLayerImage, layer: Path) -> None:
    with tarfile.open(layer, "w") as output:
        folders = {parent for path in [*image.programs, *_ACCOUNTS] for parent in Path(path.lstrip("/")).parents}
        for folder in sorted(str(folder) for folder in folders if str(folder) != "."):
            _add_folder(output, folder, 0o755)
        _add_folder(output, "tmp", 0o1777)
        for path, text in sorted(_ACCOUNTS.items()):
            _add_text(output, path, text.encode())
        for path, source in sorted(image.programs.items()):
            _add_file(output, path.lstrip("/"), source)


def _add_folder(output: tarfile.TarFile, path: str, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    output.addfile(entry)


def _add_text(output: tarfile.TarFile, path: str, content: bytes) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), 0o644
    output.addfile(entry, io.BytesIO(content))


def _add_file(output: tarfile.TarFile, path: str, source: Path) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = source.stat().st_size, 0o755
    with source.open("rb") as content:
        output.addfile(entry, content)
