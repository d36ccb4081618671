"""What containerd makes of the serving images' archives, made once and handed to each lab as hard links.

Unpacking them takes minutes, and a lab's containerd goes with the lab. Layers are never written to, so that every lab
can have the same files; containerd's own databases are copied.
"""

import hashlib
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from lab import paths
from lab.cluster.commands import run, succeeds
from lab.cluster.images import IMPORT_SECONDS, ctr_command
from lab.errors import LabEnvironmentError, LabError
from lab.locks import BUILDING, exclusive
from lab.progress import Progress, silent

_START_SECONDS = 30.0
_DATABASES = "*.db"
_KEY = "key"
_UNPACKED = 1.7
"""How much the store takes for each byte of the archives: their layers, and the same once more as files."""


def store_directory() -> Path:
    """Return where the store is kept, built or not."""
    return paths.images_directory() / "store"


def ensure_image_store(archives: Mapping[str, Path], progress: Progress = silent) -> None:
    """Unpack the archives into the store, unless it was made of just these.

    Args:
        archives: Reference → OCI archive, whose name changes with its content.
        progress: Told of each image.

    Raises:
        LabEnvironmentError: When the disk has no room for it.
        LabError: When containerd does not start, or refuses an archive; a store from before is then gone.
    """
    with exclusive(paths.build_lock(), BUILDING, progress):
        store, key = store_directory(), _key_of(archives)
        if _read_key(store) == key:
            return
        _remove(store)
        _require_room(store, archives)
        progress("unpacking the images for the node (once; each lab gets them as they are)")
        _fill(store, archives)
        # Last, so that a store that was interrupted is none.
        (store / _KEY).write_text(key, encoding="utf-8")


def lay_image_store(root: Path, progress: Progress = silent) -> bool:
    """Give a containerd that has not run yet the store's images; return whether it has them now.

    It has not where there is no store, or where the store lies on another file system: it then imports archives, as it
    does with what an older store lacks.

    Args:
        root: containerd's `root`.
        progress: Told when another process is at the store.
    """
    if root.exists():
        return False
    with exclusive(paths.build_lock(), BUILDING, progress):
        return _lay(store_directory(), root)


def _lay(store: Path, root: Path) -> bool:
    if _read_key(store) is None:
        return False
    laid = root.with_name("root.laid")
    shutil.rmtree(laid, ignore_errors=True)
    laid.parent.mkdir(parents=True, exist_ok=True)
    if not succeeds(["cp", "--archive", "--link", store / "root", laid], timeout=IMPORT_SECONDS):
        shutil.rmtree(laid, ignore_errors=True)
        return False
    for database in laid.rglob(_DATABASES):
        copy = database.with_name(f"{database.name}.copy")
        shutil.copy2(database, copy)
        copy.replace(database)
    laid.rename(root)
    return True


def _remove(store: Path) -> None:
    """Remove the store; its key first, so that what an interruption leaves is none."""
    (store / _KEY).unlink(missing_ok=True)
    if store.exists():
        shutil.rmtree(store)


def _require_room(store: Path, archives: Mapping[str, Path]) -> None:
    needed = _UNPACKED * sum(archive.stat().st_size for archive in archives.values()) / 1e9
    free = shutil.disk_usage(store.parent).free / 1e9
    if free < needed:
        raise LabEnvironmentError(
            f"unpacking the images takes about {needed:.0f} GB, and {store.parent} has {free:.1f} GB free. Nothing was "
            "unpacked. Free some space, or set BULKHEAD_CACHE to a folder on a larger disk."
        )


def _key_of(archives: Mapping[str, Path]) -> str:
    described = sorted((reference, archive.name) for reference, archive in archives.items())
    return hashlib.sha256(repr(described).encode()).hexdigest()


def _read_key(store: Path) -> str | None:
    try:
        return (store / _KEY).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _fill(store: Path, archives: Mapping[str, Path]) -> None:
    """Import the archives through a containerd that does nothing else."""
    store.mkdir(parents=True)
    socket, log = store / "containerd.sock", store / "containerd.log"
    configuration = store / "config.toml"
    configuration.write_text(_configuration(store, socket), encoding="utf-8")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [paths.binaries_directory() / "containerd", f"--config={configuration}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(socket, process, log)
            for reference, archive in archives.items():
                run(
                    [*ctr_command(socket), "images", "import", archive],
                    doing=f"Unpacking {reference}",
                    timeout=IMPORT_SECONDS,
                )
        finally:
            process.terminate()
            process.wait()


def _wait_for(socket: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not (socket.exists() and succeeds([*ctr_command(socket), "version"])):
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
            raise LabError(f"Unpacking the images failed: containerd did not start ({'; '.join(said)}).")
        time.sleep(0.1)


def _configuration(store: Path, socket: Path) -> str:
    """Without the parts that run containers."""
    return f"""\
version = 3
root = "{store / "root"}"
state = "{store / "run"}"
disabled_plugins = [
  "io.containerd.nri.v1.nri",
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.grpc.v1.cri",
]

[grpc]
  address = "{socket}"

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = "{store / "opt"}"
"""
