"""Who has the lab of this machine: one at a time, because its names and addresses are machine-wide."""

from pathlib import Path

from lab import paths
from lab.cluster.addresses import RUNTIME_DIRECTORY
from lab.errors import LabEnvironmentError

LOCK = RUNTIME_DIRECTORY.with_suffix(".lock")
"""Held while the lab is brought up or down. It has its last holder's process id and goes with the next boot."""

_OWNER = RUNTIME_DIRECTORY / "owner"


def require_free() -> None:
    """Check that no other cache folder's lab is up.

    Raises:
        LabEnvironmentError: When one is; it says from where.
    """
    owner = current_owner()
    if owner is not None and owner != str(paths.state_directory()):
        cache = Path(owner).parent
        raise LabEnvironmentError(
            f"Another lab already runs on this machine, from {cache}. Nothing was changed. "
            f"Use that one, or end it first: `BULKHEAD_CACHE={cache} bulkhead lab down`."
        )


def is_mine() -> bool:
    """Tell whether the machine's lab is this cache folder's."""
    return current_owner() == str(paths.state_directory())


def claim() -> None:
    """Take the machine's lab for this cache folder."""
    RUNTIME_DIRECTORY.mkdir(mode=0o700, exist_ok=True)
    _OWNER.write_text(str(paths.state_directory()), encoding="utf-8")


def current_owner() -> str | None:
    """Return the state folder of the machine's lab, or None when there is none."""
    try:
        return _OWNER.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
