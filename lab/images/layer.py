"""One layer: a recipe run by chroot over the layers below it, in namespaces that end with this process.

The mounts that a build needs exist only inside a mount namespace, and the process namespace around it is killed with
this process. So neither a failure nor a kill leaves a mount or a process behind, only a work folder that the next build
removes.
"""

import hashlib
import os
import platform
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.images import debian
from lab.images.errors import ImageBuildError, explain
from lab.images.package_lock import LOCK_NAME, LockedPackage, Served, read_lock
from lab.progress import Progress

RECIPES = Path(__file__).parent
"""The folder of the recipes, one folder for each layer."""

_FORMAT = "3"  # raised when this package builds or writes layers in another way, so that no older one is reused
_TICK_SECONDS = 15.0
_RUNNER = RECIPES / "run_in_layer.sh"
_INSTALLER = RECIPES / "install_packages.sh"
_NAMESPACES = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
)
# Where the user's own settings name another registry or a proxy, the build inside the layer must know it.
_FORWARDED = (
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY"),
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "npm_config_registry"),
)
BUILD_PATH = "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class LayerRecipe:
    """How one layer is made.

    Attributes:
        name: The recipe's folder under `lab/images`, holding `build.sh` unless it is the lowest layer.
        summary: What it installs, for a person.
        below: The layer that it stands on; None for the Debian base system.
        environment: Set while it is built and in the image's containers.
        finish: Called with the finished tree, outside the chroot; may raise OSError and CalledProcessError.
    """

    name: str
    summary: str
    below: "LayerRecipe | None" = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    finish: Callable[[Path], None] | None = None

    def stack(self) -> tuple["LayerRecipe", ...]:
        """Return the layers of an image with this one on top, lowest first."""
        return (*(self.below.stack() if self.below else ()), self)

    def key(self) -> str:
        """Return the hexadecimal SHA-256 of everything that the layer is made from."""
        below = self.below.key() if self.below else " ".join(debian.bootstrap_command("", ()))
        parts = (_FORMAT, platform.machine(), self.name, below, repr(sorted(self.environment.items())))
        digest = hashlib.sha256("\0".join(parts).encode())
        for path in (_RUNNER, _INSTALLER, *self._files()):
            digest.update(f"{path.relative_to(RECIPES)}\0".encode() + path.read_bytes())
        return digest.hexdigest()

    def locked(self) -> tuple[LockedPackage, ...]:
        """The Debian packages that it adds to the layers below, as locked. Raises OSError, ImageBuildError."""
        lock = RECIPES / self.name / LOCK_NAME
        return read_lock(lock.read_text(encoding="utf-8")) if lock.is_file() else ()

    def _files(self) -> list[Path]:
        found = (RECIPES / self.name).rglob("*")
        # What a lock file is made from is not what the layer is made from.
        return sorted(path for path in found if path.is_file() and path.suffix not in (".in", ".pyc"))


@dataclass(frozen=True)
class BuildPlace:
    """The folders and tools of one build.

    Attributes:
        work: An empty folder on the file system that the layers are kept on.
        downloads: The package tools' caches, kept until the build succeeds.
        logs: Where each step's output goes.
        uv: The uv program.
        apt_configuration: A file of apt settings that holds inside the layer.
        apt_preferences: A file by which apt takes the locked versions.
        served: What Debian's archive serves.
    """

    work: Path
    downloads: Path
    logs: Path
    uv: Path
    apt_configuration: Path
    apt_preferences: Path
    served: Served


@dataclass(frozen=True)
class Step:
    """One command of a build, for the layer `name`; `environment` None means this process's own."""

    name: str
    summary: str
    command: tuple[str, ...]
    environment: Mapping[str, str] | None = None


def build_layer(recipe: LayerRecipe, lower_trees: list[Path], place: BuildPlace, progress: Progress) -> Path:
    """Run `recipe` over `lower_trees` (lowest first) and return the folder of what it added. Raises ImageBuildError."""
    upper, overlay_work, merged = (place.work / recipe.name / part for part in ("tree", "overlay", "merged"))
    for folder in (upper, overlay_work, merged):
        folder.mkdir(parents=True)
    command = (
        *("/bin/bash", str(_RUNNER), ":".join(str(tree) for tree in reversed(lower_trees))),
        *(str(path) for path in (upper, overlay_work, merged, RECIPES, place.downloads, place.uv)),
        *(str(certificates()), str(place.apt_configuration), str(place.apt_preferences), f"{recipe.name}/build.sh"),
    )
    run_step(Step(recipe.name, recipe.summary, command, _environment(recipe)), place, progress)
    return upper


def run_step(step: Step, place: BuildPlace, progress: Progress) -> None:
    """Run a step in namespaces of its own, with progress in elapsed seconds. Raises ImageBuildError."""
    log = place.logs / f"{step.name}.log"
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            (*_NAMESPACES, *step.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(step.environment) if step.environment is not None else None,
        )
        try:
            code = _wait(process, step, started, progress)
        finally:
            process.kill()
            process.wait()
    if code != 0:
        reason = explain(log.read_text(errors="replace"))
        raise ImageBuildError(
            f"image layer {step.name} ({step.summary}) could not be built: {reason}. Its whole output: {log}"
        )
    progress(f"image layer {step.name}: {step.summary}, {time.monotonic() - started:.0f} s")


def certificates() -> Path:
    """Return this machine's bundle of trusted certificates, which the package tools inside a layer use, too.

    Raises ImageBuildError when there is none.
    """
    paths = ssl.get_default_verify_paths()
    for name in (os.environ.get("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt", paths.cafile):
        if name and Path(name).is_file():
            return Path(name)
    raise ImageBuildError(
        "no trusted certificates were found, so no package can be fetched. Run: apt-get install ca-certificates"
    )


def _wait(process: "subprocess.Popen[bytes]", step: Step, started: float, progress: Progress) -> int:
    while True:
        try:
            return process.wait(timeout=_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            progress(f"image layer {step.name}: {step.summary} … {time.monotonic() - started:.0f} s")


def _environment(recipe: LayerRecipe) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
    if index := os.environ.get("PIP_INDEX_URL"):
        inherited.setdefault("UV_DEFAULT_INDEX", index)
    return {
        **inherited,
        **{name: value for layer in recipe.stack() for name, value in layer.environment.items()},
        "HOME": "/tmp",  # noqa: S108 - a file system of the layer's own
        "LC_ALL": "C.UTF-8",
        "PATH": f"/run/build/bin:{BUILD_PATH}",
        "DEBIAN_FRONTEND": "noninteractive",
        "APT_CONFIG": "/run/build/apt.conf",
        "SSL_CERT_FILE": "/run/build/certificates.pem",
        "UV_CACHE_DIR": "/run/build/downloads/uv",
        "UV_HTTP_TIMEOUT": "180",
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "npm_config_cache": "/run/build/downloads/npm",
        "npm_config_cafile": "/run/build/certificates.pem",
    }
