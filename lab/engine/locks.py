"""What a killed update left in the file backend: its lock, and half of a note beside its checkpoint.

The engine never breaks a lock by itself. One whose owner ran on this machine and is gone guards nothing. A checkpoint
is replaced whole, but the note with its checksum beside it is not: killed in between, the engine reads an empty one
and refuses the stack (`failed to load checkpoint: EOF`), though it would do without any.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any


def stale_locks(backend: Path, project: str, stack: str) -> list[Path]:
    """Return a stack's locks whose process ran on this machine and has ended. Other machines' locks are left."""
    folder = backend / ".pulumi" / "locks" / "organization" / project / stack
    return sorted(path for path in folder.glob("*.json") if _is_stale(path))


def remove_half_written_notes(backend: Path, project: str) -> None:
    """Remove the empty notes beside a project's checkpoints."""
    for note in (backend / ".pulumi" / "stacks" / project).glob("*.attrs"):
        if not note.stat().st_size:
            note.unlink(missing_ok=True)


def _is_stale(lock: Path) -> bool:
    try:
        told: dict[str, Any] = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return told.get("hostname") == socket.gethostname() and not process_exists(int(told.get("pid") or 0))


def process_exists(pid: int) -> bool:
    """Return whether a process of this id exists, whoever owns it; an ended one not yet reaped does not count."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (OSError, IndexError):
        return True
    return state != "Z"


def release(locks: list[Path]) -> None:
    """Remove locks, and what the backend keeps beside them."""
    for lock in locks:
        lock.with_name(f"{lock.name}.attrs").unlink(missing_ok=True)
        lock.unlink(missing_ok=True)
