"""The plugins that a Bulkhead program needs, and how they come to the engine's home folder.

A published plugin is taken when the user has it installed or when it can be downloaded; otherwise a small
launcher of the lab's stand-in is installed under the plugin's own name and version, so that an unmodified
project and the plain command line find it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from lab.engine.plumbing import ENGINE_PROCESS

LAUNCHER_PYTHON: Final = "BULKHEAD_LAB_PYTHON"
"""Environment variable that names the interpreter a launcher starts: two checkouts share one home folder."""
MARKER: Final = "STAND-IN"
"""A file in a plugin's folder that tells a stand-in from a published plugin."""
FIRST_DOWNLOAD_SECONDS: Final = 20.0
"""How long the smallest plugin may take before downloads count as impossible here."""
DOWNLOAD_SECONDS: Final = 600.0
RETRY_DOWNLOAD_SECONDS: Final = 24 * 3600.0
"""How long a failed download is remembered."""


@dataclass(frozen=True)
class Plugin:
    """One plugin: its kind and name to the engine, its version, and the module of its stand-in."""

    kind: str
    name: str
    version: str
    module: str

    @property
    def folder(self) -> str:
        """The folder's name under the engine's `plugins`."""
        return f"{self.kind}-{self.name}-v{self.version}"

    @property
    def executable(self) -> str:
        """The executable's name inside that folder."""
        return f"pulumi-{self.kind}-{self.name}"


LANGUAGE: Final = Plugin("language", "python", metadata.version("pulumi"), "lab.engine.language_host")
RANDOM: Final = Plugin("resource", "random", metadata.version("pulumi-random"), "lab.engine.random_provider")
TLS: Final = Plugin("resource", "tls", metadata.version("pulumi-tls"), "lab.engine.tls_provider")
KUBERNETES: Final = Plugin("resource", "kubernetes", metadata.version("pulumi-kubernetes"), "lab.engine.kubernetes")
PROVIDERS: Final = (RANDOM, TLS, KUBERNETES)
"""The providers, the quickest to download first."""


def is_stand_in(home: Path, plugin: Plugin) -> bool:
    """Return whether the engine's home holds a stand-in for this plugin."""
    return (home / "plugins" / plugin.folder / MARKER).exists()


def is_published(home: Path, plugin: Plugin) -> bool:
    """Return whether a home folder holds the published plugin, whole."""
    folder = home / "plugins" / plugin.folder
    partial = folder.with_name(f"{folder.name}.partial")
    return (folder / plugin.executable).exists() and not partial.exists() and not is_stand_in(home, plugin)


def install_stand_in(home: Path, plugin: Plugin, python: Path) -> None:
    """Install the launcher of a stand-in, or renew it when another interpreter wrote the one there."""
    folder = home / "plugins" / plugin.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(
        f"A stand-in for Pulumi's {plugin.name} plugin, put here by Bulkhead's lab. "
        "Remove the folder to be rid of it.\n"
    )
    launcher = folder / plugin.executable
    text = launcher_text(plugin, python)
    if not launcher.exists() or launcher.read_text() != text:
        fresh = launcher.with_suffix(f".{os.getpid()}")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(launcher)


def launcher_text(plugin: Plugin, python: Path) -> str:
    """Return a launcher's shell text: the interpreter named by the environment, else `python`."""
    default = str(python).replace("'", "'\\''")
    return (
        "#!/bin/sh\n"
        f"# Bulkhead's lab: a stand-in for Pulumi's {plugin.name} plugin.\n"
        f"default='{default}'\n"
        f"export {ENGINE_PROCESS}=$PPID\n"
        f'exec "${{{LAUNCHER_PYTHON}:-$default}}" -P -u -m {plugin.module} "$@"\n'
    )


def adopt_published(own_home: Path, users_home: Path, plugin: Plugin) -> bool:
    """Take a published plugin over from the user's own engine, without a copy where links allow; say if it did.

    The engine ignores linked folders, so the files are linked one by one.
    """
    if not is_published(users_home, plugin):
        return False
    source, target = users_home / "plugins" / plugin.folder, own_home / "plugins" / plugin.folder
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=_link_or_copy)
    return True


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def download(cli: Path, home: Path, plugin: Plugin, environment: Mapping[str, str], seconds: float) -> bool:
    """Have the engine download a published plugin, within `seconds`; say whether it did.

    A stand-in in its place is set aside, and comes back when the download fails.
    """
    folder = home / "plugins" / plugin.folder
    aside = home / f"{plugin.folder}.aside"
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
    if _run_download([str(cli), "plugin", "install", plugin.kind, plugin.name, plugin.version], environment, seconds):
        shutil.rmtree(aside, ignore_errors=True)
        return True
    for rest in (folder, folder.with_name(f"{folder.name}.partial"), folder.with_name(f"{folder.name}.lock")):
        shutil.rmtree(rest, ignore_errors=True) if rest.is_dir() else rest.unlink(missing_ok=True)
    if aside.exists():
        aside.rename(folder)
    return False


def _run_download(command: list[str], environment: Mapping[str, str], seconds: float) -> bool:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, env=dict(environment), stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    ) as running:
        try:
            return running.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            return False


def download_failed_lately(home: Path) -> bool:
    """Return whether a download failed within the last day, so that no time is lost on another attempt."""
    note = home / "downloads-failed"
    return note.exists() and time.time() - note.stat().st_mtime < RETRY_DOWNLOAD_SECONDS


def remember_failed_download(home: Path) -> None:
    """Note that plugins cannot be downloaded here, as of now."""
    (home / "downloads-failed").touch()
