"""Which engine this machine offers: the Pulumi command line, and real or stand-in plugins."""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.engine import plugins
from lab.engine.plugins import LANGUAGE, PROVIDERS, Plugin
from lab.errors import LabEnvironmentError
from lab.paths import binaries_directory, private_directory, pulumi_directory

OLDEST: Final = (3, 259, 0)
"""The oldest command line that this project is tested with; any later one of the same major version fits."""
VERSION_SECONDS: Final = 30


class EngineMissing(LabEnvironmentError):  # noqa: N818 - named for what the user reads
    """There is no Pulumi command line that fits; the text says what to do."""


@dataclass(frozen=True)
class Cli:
    """A Pulumi command line: its executable, its version, and whether the lab built it."""

    path: Path
    version: tuple[int, int, int]
    built: bool

    @property
    def version_text(self) -> str:
        """The version as `3.259.0`."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class Choice:
    """The engine in use: the command line, its home folder, and the plugins that are stand-ins."""

    cli: Cli
    home: Path
    stand_ins: tuple[Plugin, ...]

    def notice(self) -> str | None:
        """Return one line that tells the user of stand-ins, or None when every plugin is the published one."""
        if not self.stand_ins:
            return None
        names = ", ".join(f"{plugin.name} {plugin.version}" for plugin in self.stand_ins)
        made = "built here" if self.cli.built else "yours"
        return (
            f"Engine: Pulumi {self.cli.version_text} ({made}) with the lab's stand-ins for the plugins {names}, "
            "which are neither installed nor downloadable here."
        )


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the version that `pulumi version` prints, as `v3.259.0`, or None for anything else."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def fits(version: tuple[int, int, int] | None) -> bool:
    """Return whether a command line's version is of the tested major version and not older than tested."""
    return version is not None and version[0] == OLDEST[0] and version >= OLDEST


def find_cli(search_path: str | None = None) -> Cli:
    """Return the command line on PATH when its version fits, else the one that the lab has built.

    Raises EngineMissing when there is neither.
    """
    seen: str | None = None
    own = binaries_directory() / "pulumi"
    if (found := shutil.which("pulumi", path=_foreign(search_path))) and not _is_own(Path(found)):
        version = _version_of(Path(found))
        if version is not None and fits(version):
            return Cli(Path(found), version, built=False)
        seen = f"the one at {found} is {'.'.join(map(str, version)) if version else 'of no known version'}"
    if own.exists() and (version := _version_of(own)) is not None:
        return Cli(own, version, built=True)
    oldest = ".".join(map(str, OLDEST))
    raise EngineMissing(
        f"there is no Pulumi command line that fits (>= {oldest}, same major version"
        f"{f'; {seen}' if seen else ''}). Run ./quickstart, which builds it, or install Pulumi {oldest}."
    )


def _foreign(search_path: str | None) -> str:
    """Return a search path without the lab's own folder, whose link would hide the user's command line."""
    given = search_path if search_path is not None else os.environ.get("PATH", os.defpath)
    own = str(pulumi_directory() / "bin")
    return os.pathsep.join(entry for entry in given.split(os.pathsep) if entry != own)


def _is_own(found: Path) -> bool:
    return found.resolve().is_relative_to(binaries_directory().resolve())


def _version_of(executable: Path) -> tuple[int, int, int] | None:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            [str(executable), "version"],
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=True,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(done.stdout)


def users_home() -> Path:
    """Return the user's own Pulumi home: `$PULUMI_HOME`, else `~/.pulumi`."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi").expanduser()


@functools.cache
def choose() -> Choice:
    """Choose command line and plugins, and lay the plugins into the lab's own engine home.

    Asked once in a process; a failed download is remembered for a day. Raises EngineMissing.
    """
    cli = find_cli()
    home = private_directory(private_directory(pulumi_directory()) / "home")
    stand_ins = [plugin for plugin in PROVIDERS if not _have_published(cli, home, plugin)]
    if not _has_language_host(cli):
        stand_ins.insert(0, LANGUAGE)
    for plugin in stand_ins:
        plugins.install_stand_in(home, plugin, Path(sys.executable))
    return Choice(cli, home, tuple(stand_ins))


def _has_language_host(cli: Cli) -> bool:
    return (cli.path.resolve().parent / LANGUAGE.executable).exists()


def _have_published(cli: Cli, home: Path, plugin: Plugin) -> bool:
    if plugins.is_published(home, plugin) or plugins.adopt_published(home, users_home(), plugin):
        return True
    if plugins.download_failed_lately(home):
        return False
    first = plugin == PROVIDERS[0]
    seconds = plugins.FIRST_DOWNLOAD_SECONDS if first else plugins.DOWNLOAD_SECONDS
    if plugins.download(cli.path, home, plugin, _download_environment(home), seconds):
        return True
    plugins.remember_failed_download(home)
    return False


def _download_environment(home: Path) -> Mapping[str, str]:
    return {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
