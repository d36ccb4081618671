"""A part of the cluster: one long-running program with its command line, its files and its sign of health."""

import hashlib
import http.client
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lab import paths
from lab.cluster.network import INSIDE
from lab.cluster.processes import MARK, Process, end, lab_processes
from lab.errors import LabError
from lab.progress import Progress

_LINES_OF_LOG = 12
_ABSENCES = 5
"""Looks in a row, a tenth of a second apart, at which a part must be missing to have ended: a process that is becoming
its program shows nothing of itself for a moment."""
_LONGEST_LOG = 64 * 1024**2


@dataclass(frozen=True)
class Part:
    """A program of the cluster.

    Attributes:
        name: The binary's name, and the part's.
        arguments: Its command line after the program.
        health: The address that answers 200 when the part is ready, or a socket's path that takes a connection.
        files: Configuration files to write before it starts, by path.
        graceful: Seconds it gets to stop by itself.
        patience: Seconds to wait for it to get ready.
    """

    name: str
    arguments: tuple[str, ...]
    health: str
    files: Mapping[Path, str] = field(default_factory=dict[Path, str])
    graceful: float = 5.0
    patience: float = 60.0

    @property
    def mark(self) -> str:
        """What tells a running process of this part, with this configuration, from any other."""
        digest = hashlib.sha256(repr((self.arguments, sorted(self.files.items()))).encode()).hexdigest()
        return f"{paths.state_directory()}|{self.name}|{digest[:16]}"

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return paths.state_directory() / "logs" / f"{self.name}.log"


def running(part: Part, processes: list[Process]) -> Process | None:
    """Return the part's process among `processes`, whatever its configuration."""
    owner = f"{paths.state_directory()}|{part.name}|"
    return next(
        (
            process
            for process in processes
            if process.mark.startswith(owner) and process.program.removesuffix(" (deleted)") == part.name
        ),
        None,
    )


def ensure_started(part: Part, binaries: Mapping[str, Path], progress: Progress) -> bool:
    """Start the part unless it runs as described; restart it when its program or configuration changed.

    Returns whether anything was started.
    """
    process = running(part, lab_processes())
    if process is not None:
        if process.mark == part.mark and process.program == part.name:
            return False
        progress(f"restarting {part.name}: its program or configuration changed")
        end([process], part.graceful)
    else:
        progress(f"starting {part.name}")
    for path, text in part.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
    _start(part, binaries[part.name])
    return True


def wait_until_ready(part: Part) -> None:
    """Wait until the part answers on its health address.

    Raises:
        LabError: When it ends, or is not ready in time; with its last lines and its log's path.
    """
    deadline = time.monotonic() + part.patience
    absences = 0
    while not is_ready(part):
        absences = 0 if _is_there(part) else absences + 1
        if absences == _ABSENCES:
            raise LabError(_failure(part, "ended by itself"))
        if time.monotonic() > deadline:
            raise LabError(_failure(part, f"was not ready within {part.patience:.0f} s"))
        time.sleep(0.1)


def is_ready(part: Part) -> bool:
    """Tell whether the part answers on its health address at this moment."""
    address = urlsplit(part.health)
    if not address.hostname:
        return _takes_connections(part.health)
    # http.client, because urllib would send this through the caller's proxy. The address is one of the lab's
    # own network, so a plain sign of life needs no trust in the certificate.
    connection = (
        http.client.HTTPSConnection(address.netloc, timeout=2, context=_unverified())
        if address.scheme == "https"
        else http.client.HTTPConnection(address.netloc, timeout=2)
    )
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _takes_connections(socket_path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(socket_path)
        except OSError:
            return False
    return True


def _start(part: Part, binary: Path) -> None:
    part.log.parent.mkdir(parents=True, exist_ok=True)
    if part.log.exists() and part.log.stat().st_size > _LONGEST_LOG:
        part.log.replace(part.log.with_suffix(".old"))
    environment = _environment(binary.parent) | {MARK: part.mark}
    with part.log.open("ab") as log:
        # A session of its own: the lab outlives the shell, and the terminal's Ctrl-C does not reach it.
        subprocess.Popen(
            [*INSIDE, binary, *part.arguments],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _environment(binaries: Path) -> dict[str, str]:
    """Return the little that the parts need: a caller's proxies and credentials are none of their business."""
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": f"{binaries}:{system}", "HOME": str(Path.home()), "LANG": "C.UTF-8"}


def _is_there(part: Part) -> bool:
    """Tell whether the part's process is there, if only as the `nsenter` that is yet to become its program."""
    processes = lab_processes()
    return running(part, processes) is not None or any(
        process.mark == part.mark and process.program == "nsenter" for process in processes
    )


def _failure(part: Part, what: str) -> str:
    try:
        lines = part.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_OF_LOG:]
    except FileNotFoundError:
        lines = []
    shown = "\n".join(f"    {line[:300]}" for line in lines) or "    (it said nothing)"
    return (
        f"{part.name} {what}. Its last lines:\n{shown}\nThe whole log is {part.log}. Run `bulkhead lab up` again to "
        "go on from here; if it fails in the same way, `bulkhead lab down` and then `bulkhead lab up` start afresh."
    )
