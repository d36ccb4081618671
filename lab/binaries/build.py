"""Builds what is missing or out of date, once, and leaves it under a plain name in the cache.

A binary is up to date when its content key (module files, sources, flags and Go version) is the one written
beside it. There is one version of each binary at a time, which bounds the cache.
"""

import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from lab import paths
from lab.binaries.module_file import required_version
from lab.binaries.registry import BINARIES, Binary
from lab.binaries.toolchain import Toolchain, build_environment, cache_folders, find_toolchain
from lab.errors import LabEnvironmentError, LabError
from lab.locks import BUILDING, exclusive
from lab.progress import Progress

_LINES_OF_LOG = 15
_PROGRESS_EVERY = 15.0  # seconds
_GIB = 1024**3


def ensure(names: Iterable[str], progress: Progress) -> dict[str, Path]:
    """Return the path of each named binary, building those that are missing or out of date.

    Raises:
        LabEnvironmentError: When Go is missing or too old, or the disk has no room for the builds.
        LabError: When a build fails; it shows the build's last lines and names its log.
    """
    wanted = [BINARIES[name] for name in dict.fromkeys(names)]
    toolchain = find_toolchain()
    if outdated(wanted, toolchain):
        with exclusive(paths.build_lock(), BUILDING, progress):
            # Another process may have built them while this one waited for the lock.
            _build_all(outdated(wanted, toolchain), toolchain, progress)
    return {binary.name: _path(binary) for binary in wanted}


def outdated(binaries: Iterable[Binary], toolchain: Toolchain) -> list[Binary]:
    """Return those of `binaries` that have to be built, in the given order."""
    return [binary for binary in binaries if not _is_current(binary, toolchain)]


def content_key(binary: Binary, toolchain: Toolchain) -> str:
    """Return the hex SHA-256 of everything that decides what `binary` contains."""
    digest = hashlib.sha256()
    folder = binary.family.folder
    for source in sorted(path for path in folder.rglob("*") if path.suffix in {".go", ".mod", ".sum"}):
        digest.update(f"{source.relative_to(folder)}\0".encode())
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    digest.update("\0".join([toolchain.version, *build_arguments(binary)]).encode())
    return digest.hexdigest()


def build_arguments(binary: Binary) -> list[str]:
    """Return `go build`'s arguments for `binary`, less the output file."""
    version = ""
    if binary.versioned_by is not None:
        version = required_version(binary.family.folder, binary.versioned_by)
    plain = version.removeprefix("v")
    major, minor = [*plain.split("."), "", ""][:2]
    variables = [
        f"-X {variable}={value.format(version=version, plain=plain, major=major, minor=minor)}"
        for variable, value in binary.variables
    ]
    return ["-trimpath", "-ldflags", " ".join(["-s", "-w", *variables]), binary.package]


def _build_all(binaries: list[Binary], toolchain: Toolchain, progress: Progress) -> None:
    if binaries:
        _require_disk(binaries, toolchain)
    for number, binary in enumerate(binaries, start=1):
        _build(binary, toolchain, f"{binary.name} ({number} of {len(binaries)})", progress)


def _require_disk(binaries: list[Binary], toolchain: Toolchain) -> None:
    paths.cache_directory().mkdir(parents=True, exist_ok=True)
    needed = sum(binary.disk_gib for binary in binaries)
    advice = {paths.cache_directory(): "set BULKHEAD_CACHE"} | dict.fromkeys(
        cache_folders(toolchain), "set GOCACHE and GOMODCACHE"
    )
    for folder, setting in advice.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(existing).free / _GIB
        if free < needed:
            raise LabEnvironmentError(
                f"The disk of {folder} has {free:.1f} GiB free, and building {len(binaries)} binaries with Go's "
                f"caches takes up to {needed:.1f} GiB. Nothing was built. "
                f"Free some space, or {setting} to a folder on a larger disk."
            )


def _build(binary: Binary, toolchain: Toolchain, label: str, progress: Progress) -> None:
    target = _path(binary)
    target.parent.mkdir(parents=True, exist_ok=True)
    log = paths.cache_directory() / "logs" / f"build-{binary.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{binary.name}.unfinished")
    command = [toolchain.go, "build", "-o", unfinished, *build_arguments(binary)]
    started = time.monotonic()
    progress(f"building {label}: {binary.why}")
    with log.open("wb") as output:
        build = subprocess.Popen(
            command,
            cwd=binary.family.folder,
            env=build_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            code = _wait(build, label, started, progress)
        except BaseException:
            build.terminate()
            build.wait()
            raise
    if code != 0:
        raise LabError(_failure(binary, code, log))
    # The key goes first and the binary last: a crash between the two costs a rebuild, never a stale binary.
    _key_file(binary).unlink(missing_ok=True)
    unfinished.replace(target)
    _key_file(binary).write_text(content_key(binary, toolchain), encoding="ascii")
    progress(f"built {label} in {time.monotonic() - started:.0f} s")


def _wait(build: subprocess.Popen[bytes], label: str, started: float, progress: Progress) -> int:
    while True:
        try:
            return build.wait(timeout=_PROGRESS_EVERY)
        except subprocess.TimeoutExpired:
            progress(f"building {label}: {time.monotonic() - started:.0f} s")


def _failure(binary: Binary, code: int, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_OF_LOG:]
    shown = "\n".join(f"    {line}" for line in lines) or "    (the build said nothing)"
    return (
        f"Building {binary.name} failed (go build ended with {code}). Its last lines:\n{shown}\n"
        f"The whole log is {log}. What was built before stays; running this again goes on from here. "
        "If the lines above speak of a download, check that Go's module proxy can be reached."
    )


def _is_current(binary: Binary, toolchain: Toolchain) -> bool:
    try:
        key = _key_file(binary).read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return _path(binary).exists() and key == content_key(binary, toolchain)


def _path(binary: Binary) -> Path:
    return paths.binaries_directory() / binary.name


def _key_file(binary: Binary) -> Path:
    return paths.binaries_directory() / f".{binary.name}.key"
