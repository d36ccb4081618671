"""One process at a time: an advisory lock on a file, released by the kernel when its holder dies."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lab.progress import Progress

BUILDING = "building, or emptying the cache"
"""What the holder of `lab.paths.build_lock()` is doing."""


@contextmanager
def exclusive(lock: Path, doing: str, progress: Progress) -> Generator[None]:
    """Hold `lock` while the block runs, after waiting for another process that does the same.

    `doing` completes the sentence 'another process (pid N) is already …'. The file holds the process id
    of its holder and is left in place: removing it would let two holders lock two different files.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
            progress(f"another process (pid {holder}) is already {doing}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
