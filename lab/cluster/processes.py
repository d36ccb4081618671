"""Finds the lab's processes by a mark in their environment, and ends them.

Every program that the lab starts carries the variable `BULKHEAD_LAB_PART`. The kernel keeps it for as long as
the process lives, so there are no process-id files that could be stale, and a killed `up` loses track of nothing.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MARK = "BULKHEAD_LAB_PART"
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 1024**2


@dataclass(frozen=True)
class Process:
    """A running process of the lab.

    Attributes:
        pid: Its id.
        program: The file name of its executable; ` (deleted)` follows when that file was replaced since.
        mark: The value of its `BULKHEAD_LAB_PART`.
        started: When it started, in clock ticks since boot; with `pid` it names this process and no later one.
        memory_mib: Resident memory in MiB.
    """

    pid: int
    program: str
    mark: str
    started: int
    memory_mib: float


def lab_processes() -> list[Process]:
    """Return every living process that carries the lab's mark, in order of their ids."""
    found = [process for pid in _pids() if (process := _inspect(pid)) is not None]
    return sorted(found, key=lambda process: process.pid)


def end(processes: Iterable[Process], patience: float) -> None:
    """Ask each process to stop, and kill those that are still there after `patience` seconds."""
    remaining = list(processes)
    for signal_number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        for process in remaining:
            _signal(process, signal_number)
        deadline = time.monotonic() + seconds
        while (remaining := [process for process in remaining if is_alive(process)]) and time.monotonic() < deadline:
            time.sleep(0.05)


def is_alive(process: Process) -> bool:
    """Tell whether this very process still runs; one that only waits to be reaped does not."""
    _reap(process.pid)
    return _start_time(process.pid) == process.started


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _inspect(pid: int) -> Process | None:
    folder = Path("/proc") / str(pid)
    prefix = f"{MARK}=".encode()
    try:
        variables = (folder / "environ").read_bytes().split(b"\0")
        mark = next((variable for variable in variables if variable.startswith(prefix)), None)
        started = _start_time(pid)
        if mark is None or started is None:
            return None
        program = (folder / "exe").readlink().name
        memory = int((folder / "statm").read_text(encoding="ascii").split()[1]) * _PAGE_MIB
    except OSError:
        return None
    return Process(pid, program, mark.removeprefix(prefix).decode(), started, memory)


def _start_time(pid: int) -> int | None:
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def _reap(pid: int) -> None:
    """Collect `pid` when it is a child of this very process, as it is while one program runs `up` and `down`."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _signal(process: Process, number: signal.Signals) -> None:
    if is_alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
