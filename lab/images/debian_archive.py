"""Debian's archive as apt on this machine reads it, in a folder of its own: nothing of the machine's apt is touched."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lab.images import debian
from lab.images.package_lock import LockedPackage, Served, served_by

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_BASE_PATTERNS = ("?essential", "?priority(required)", "apt", *debian.BASE_PACKAGES)
"""What mmdebstrap's variant `minbase` consists of."""
_INSTALLED = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", re.MULTILINE)


class DebianArchive:
    """The signed indexes of the images' release."""

    def __init__(self, folder: Path) -> None:
        """Take `folder`, which need not exist, for apt's state. Nothing is read yet."""
        self._folder = folder
        self._served: Served = {}

    def read(self) -> Served:
        """Fetch the indexes and return what they serve. Raises ImageBuildError, OSError, CalledProcessError."""
        for name in ("lists/partial", "cache/archives/partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").touch()
        lines = "".join(f"{_signed(line)}\n" for line in debian.archive_sources())
        (self._folder / "sources.list").write_text(lines)
        # A half-read archive would look as if it had dropped what it serves.
        self._apt("apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update")
        indexes = sorted((self._folder / "lists").glob("*_Packages"))
        self._served = served_by(index.read_text(encoding="utf-8") for index in indexes)
        return self._served

    def base(self) -> tuple[LockedPackage, ...]:
        """The packages of the base system. Raises OSError, CalledProcessError."""
        return self.closure(_BASE_PATTERNS, ())

    def closure(self, requested: Sequence[str], below: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
        """What installing `requested` adds to the packages `below`, dependencies included.

        Raises OSError, CalledProcessError.
        """
        (self._folder / "status").write_text(self._status(below))
        said = self._apt("apt-get", "-qq", "--yes", "--simulate", "--no-install-recommends", "install", *requested)
        found = (match.groups() for match in _INSTALLED.finditer(said))
        return tuple(sorted(LockedPackage(name, version, self._served[name][version]) for name, version in found))

    def _status(self, below: Iterable[LockedPackage]) -> str:
        """The status file of dpkg for a system that has these packages."""
        wanted = [f"{package.name}={package.version}" for package in below]
        if not wanted:
            return ""
        shown = self._apt("apt-cache", "show", *wanted)
        return re.sub(r"^(Package: .*)$", r"\1\nStatus: install ok installed", shown, flags=re.MULTILINE)

    def _settings(self) -> Iterator[str]:
        """Options, and no file of settings: apt reads this machine's own after a file that is named to it."""
        folder = self._folder
        settings: Mapping[str, object] = {
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::GzipIndexes": "false",
            "Acquire::Retries": "3",
        }
        return (part for name, value in settings.items() for part in ("-o", f"{name}={value}"))

    def _apt(self, program: str, *arguments: str) -> str:
        command = (program, *self._settings(), *arguments)
        environment = os.environ | {"LC_ALL": "C.UTF-8"}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def _signed(line: str) -> str:
    """The source line, trusted for Debian's own keys alone where this machine has them."""
    return line.replace("deb ", f"deb [signed-by={_KEYRING}] ", 1) if _KEYRING.is_file() else line
