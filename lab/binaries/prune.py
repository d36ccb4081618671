"""Empties the cache folder."""

import shutil
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.locks import BUILDING, exclusive
from lab.progress import Progress, silent

_KEPT = {"pulumi", paths.build_lock().name}
"""The engine's own state is a record of what is deployed, not a cache; and a held lock must keep its file."""


def prune(progress: Progress = silent) -> int:
    """Remove everything that the lab can build again, and return how many bytes that freed.

    Raises:
        LabError: While a lab runs from this cache folder, for its programs and images are in use.
    """
    if paths.state_directory().exists():
        raise LabError(
            f"The lab's state is still in {paths.state_directory()}, so the cache is in use. Nothing was removed. "
            "Run `bulkhead lab down` first."
        )
    root = paths.cache_directory()
    if not root.is_dir():
        return 0
    with exclusive(paths.build_lock(), BUILDING, progress):
        entries = [entry for entry in sorted(root.iterdir()) if entry.name not in _KEPT]
        return sum(_remove(entry) for entry in entries)


def _remove(entry: Path) -> int:
    freed = _size(entry)
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
    return freed


def _size(entry: Path) -> int:
    files = entry.rglob("*") if entry.is_dir() and not entry.is_symlink() else [entry]
    return sum(path.lstat().st_size for path in files)
