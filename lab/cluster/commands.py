"""Runs the system's small commands (`ip`, `openssl`, `ctr`, `kubectl`) and turns a failure into one message."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError

Argument = str | Path


def run(command: Sequence[Argument], *, doing: str, given: str | None = None, timeout: float = 60.0) -> str:
    """Run `command` to its end and return its standard output.

    `doing` completes the sentence '… failed'; `given` goes to its standard input; `timeout` is in seconds.

    Raises:
        LabError: When it is missing, fails or takes too long, with what it printed.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
    except FileNotFoundError as error:
        raise LabError(f"{doing} failed: the command {command[0]} is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{doing} failed: {Path(command[0]).name} took more than {timeout:.0f} s.") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise LabError(
            f"{doing} failed ({Path(command[0]).name} ended with {done.returncode}): " + "; ".join(said[-5:])
        )
    return done.stdout


def succeeds(command: Sequence[Argument], *, timeout: float = 60.0) -> bool:
    """Tell whether `command` ends with 0, whatever it prints."""
    try:
        return (
            subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=timeout,
            ).returncode
            == 0
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
