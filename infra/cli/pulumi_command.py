"""Running `pulumi` beside a command of ours, in the terminal that both have."""

import os
import subprocess
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path


class Stream(IntEnum):
    """Where what `pulumi` prints goes, by file descriptor."""

    OUTPUT = 1
    ERROR = 2
    """Where the standard output is a document of ours, which nothing may stand in."""


def run_pulumi(
    arguments: list[str], project: Path, prints_to: Stream = Stream.OUTPUT, told: Mapping[str, str] | None = None
) -> int:
    """Run `pulumi` with its output let through, and return its exit status; `told` is added to its environment.

    Ctrl-C reaches `pulumi` as well, which then cancels in order what it has begun: that is waited for, since a killed
    update leaves a lock and operations that nobody knows the end of.

    Raises:
        FileNotFoundError: There is no `pulumi` on PATH.
        KeyboardInterrupt: After the end of an interrupted run.
    """
    environment = {**os.environ, **(told or {})}
    with subprocess.Popen(["pulumi", *arguments], cwd=project, env=environment, stdout=prints_to) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            _wait(running)
            raise


def _wait(running: "subprocess.Popen[bytes]") -> None:
    """Wait for the end, whatever is pressed meanwhile: a second Ctrl-C is for `pulumi` to judge, too."""
    while True:
        try:
            running.wait()
        except KeyboardInterrupt:
            continue
        return
