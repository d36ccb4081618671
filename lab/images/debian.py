"""Debian packages for the images: which mirrors, which settings, and the smallest system to start from."""

import re
import shlex
import subprocess
from pathlib import Path

from lab.images.errors import ImageEnvironmentError

SUITE = "bookworm"
"""The Debian release of every image: the newest whose Python (3.11) has a wheel for all that is locked."""

BASE_PACKAGES = ("ca-certificates",)
"""What the base system has beside the smallest that Debian knows."""

_PARTS = ("", "-updates", "-security")
_OS_RELEASE = Path("/etc/os-release")
PREFERENCES = "etc/apt/preferences.d/bulkhead-lab"
_INDEX_FORMAT = "$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
_NOT_NEEDED = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
)


def archive_sources() -> tuple[str, ...]:
    """Return apt source lines for the images' release, from the archive that this machine itself follows.

    Raises:
        ImageEnvironmentError: It follows no archive of Debian's.
        OSError: apt cannot be run.
        CalledProcessError: apt fails.
    """
    targets = read_index_targets()
    # The archive that has the machine's release has the images', too.
    lines = sources(targets) or sources(targets, _release_of(_OS_RELEASE.read_text(encoding="utf-8")))
    if not lines:
        raise ImageEnvironmentError(
            f"the images are made of Debian's packages ({SUITE}), and apt on this machine follows no archive of "
            "Debian's, so that nothing was built. Build on Debian, or name such an archive in /etc/apt/sources.list.d"
        )
    return lines


def _release_of(os_release: str) -> str:
    """The code name of the release that a machine runs, as os-release(5) has it; empty where it has none."""
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', os_release, re.MULTILINE)
    is_debian = re.search(r'^ID="?debian"?$', os_release, re.MULTILINE)
    return found[1] if found and is_debian else ""


def sources(index_targets: str, followed: str = SUITE) -> tuple[str, ...]:
    """Return apt source lines for the images' release out of this machine's own apt configuration.

    Args:
        index_targets: The output of `read_index_targets`.
        followed: The release whose archives are looked for there.
    """
    parts = {f"{followed}{part}": f"{SUITE}{part}" for part in _PARTS}
    lines: set[str] = set()
    for target in index_targets.splitlines():
        match target.split("|"):
            case ["Packages", uri, release, "main"] if release in parts:
                lines.add(f"deb {uri} {parts[release]} main")
            case _:
                pass
    return tuple(sorted(lines))


def read_index_targets() -> str:
    """Return what apt on this machine would download, a line for each index. Raises OSError, CalledProcessError."""
    return _output("apt-get", "indextargets", "--format", _INDEX_FORMAT)


def transport_settings() -> str:
    """Return this machine's apt proxy and certificate settings, in apt's configuration syntax.

    The certificates themselves lie at a fixed place inside a layer that is being built (run_in_layer.sh).
    """
    dump = _output("apt-config", "dump", "--format", '%F "%v";%n', "Acquire::http", "Acquire::https")
    kept = [line for line in dump.splitlines() if not re.search(r"::CaInfo|::Ssl(?:Cert|Key)", line)]
    return "\n".join(
        [
            *kept,
            'Acquire::https::CaInfo "/run/build/certificates.pem";',
            'Acquire::Retries "3";',
            'APT::Sandbox::User "root";',
            'Dir::Cache "/run/build/apt/cache";',
            'Dir::State::lists "/run/build/apt/lists";',
            'Dir::Etc::preferences "/run/build/apt-preferences";',
            "",
        ]
    )


def bootstrap_command(target: str, source_lines: tuple[str, ...], preferences: str = "") -> tuple[str, ...]:
    """Return the mmdebstrap command that makes the images' base system in the folder `target`.

    `preferences` is a file of apt's preferences; a copy of it stays in the target, at `PREFERENCES`.
    """
    exclusions = [f"--dpkgopt=path-exclude={pattern}" for pattern in _NOT_NEEDED]
    return (
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(BASE_PACKAGES)}",
        f'--setup-hook=install -D -m 0644 {shlex.quote(preferences)} "$1/{PREFERENCES}"',
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        *exclusions,
        SUITE,
        target,
        *source_lines,
    )


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
