"""Installs Debian packages on this machine."""

import os
import subprocess
from collections.abc import Sequence

_LOCK_SECONDS = 300
"""How long another apt may take: a fresh machine often updates itself in its first minutes."""


def install(packages: Sequence[str]) -> str | None:
    """Install `packages`, and return apt's output when that fails.

    Raises:
        OSError: When there is no apt-get.
    """
    options = ("--quiet", "--yes", "--no-install-recommends")
    # A fresh machine's package lists are empty or old: the first try tells.
    if _apt_get("install", *options, *packages) is None:
        return None
    _apt_get("update", "--quiet")
    return _apt_get("install", *options, *packages)


def _apt_get(*arguments: str) -> str | None:
    done = subprocess.run(
        ["apt-get", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stdout + done.stderr
