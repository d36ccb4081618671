"""Where the lab keeps what it builds and runs: one cache folder for each user.

Nothing of the lab lives in the checkout or in a system folder, so that `bulkhead lab prune` can say
exactly what it frees. The functions only name folders: whoever writes into one makes it, with
`private_directory` when it holds keys.
"""

import os
from pathlib import Path

from lab.errors import LabEnvironmentError

HIGHEST_LAB_NUMBER = 63
"""Each lab takes four addresses of one /24."""


def cache_directory() -> Path:
    """Return the cache folder: `$BULKHEAD_CACHE`, else `$XDG_CACHE_HOME/bulkhead`, else `~/.cache/bulkhead`.

    The XDG Base Directory Specification asks that a relative `$XDG_CACHE_HOME` be ignored. A relative
    `$BULKHEAD_CACHE` is read from the working folder, as a shell user expects.
    """
    if own := os.environ.get("BULKHEAD_CACHE"):
        return Path(own).expanduser().absolute()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "bulkhead"


def binaries_directory() -> Path:
    """Return the folder of finished binaries, each under its plain name."""
    return cache_directory() / "bin"


def images_directory() -> Path:
    """Return the folder of built OCI archives and layers."""
    return cache_directory() / "images"


def lab_number() -> int:
    """Return which of this machine's labs is meant: `$BULKHEAD_LAB_NUMBER`, 0 to 63, else 0.

    Raises:
        LabEnvironmentError: The variable holds something else.
    """
    text = os.environ.get("BULKHEAD_LAB_NUMBER") or "0"
    if not text.isdecimal() or int(text) > HIGHEST_LAB_NUMBER:
        raise LabEnvironmentError(
            f"BULKHEAD_LAB_NUMBER is {text!r}, so it is not known which lab is meant. "
            f"Set it to a whole number from 0 to {HIGHEST_LAB_NUMBER}, or unset it for the first lab."
        )
    return int(text)


def numbered(name: str) -> str:
    """Return `name` for the first lab, and `nameN` for lab N, so that several can run side by side."""
    number = lab_number()
    return f"{name}{number}" if number else name


def state_directory() -> Path:
    """Return the running lab's folder: certificates, sockets, logs, process ids and kubeconfig (mode 0700)."""
    return cache_directory() / numbered("state")


def pulumi_directory() -> Path:
    """Return the engine's folder: PULUMI_HOME and the file backends (mode 0700)."""
    return cache_directory() / "pulumi"


def lab_stacks_directory() -> Path:
    """Return the file backend of the stacks on the lab's own cluster, which goes when that cluster does."""
    return pulumi_directory() / "state" / numbered("lab")


def build_lock() -> Path:
    """Return the file that is locked while binaries, charts or images are built, or all of them removed."""
    return cache_directory() / "build.lock"


def charts_directory() -> Path:
    """Return the folder of Helm charts copied out of the Go module cache, one folder for each chart."""
    return cache_directory() / "charts"


def private_directory(path: Path) -> Path:
    """Make `path` readable by this user alone (mode 0700) and return it; missing parents get the usual mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
