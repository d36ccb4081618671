"""Running `pulumi` beside a command of ours, in the terminal that both have."""

import os
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

import click

LAST_WORDS_SECONDS = 5.0
"""How long what an ended `pulumi` has left to say is waited for; a plugin that outlives it may hold its output open."""
HELD_BY_ANOTHER = ("the stack is currently locked by", "[409] Conflict: Another update is currently in progress")
"""What `pulumi` says where somebody else has the stack: of a folder or a bucket as backend, and of Pulumi's service.

The SDK's own automation knows them by the same words (`pulumi/automation/errors.py`).
"""

Hear = Callable[[str], None]
"""Is given a line that `pulumi` prints to standard error."""


class Stream(IntEnum):
    """Where what `pulumi` prints goes, by file descriptor."""

    OUTPUT = 1
    ERROR = 2
    """Where the standard output is a document of ours, which nothing may stand in."""


def run_pulumi(
    arguments: list[str],
    project: Path,
    prints_to: Stream = Stream.OUTPUT,
    told: Mapping[str, str] | None = None,
    hear: Hear | None = None,
) -> int:
    """Run `pulumi` with its output let through, and return its exit status; `told` is added to its environment.

    What goes to standard error passes `hear` on its way, if there is one.

    Ctrl-C reaches `pulumi` as well, which then cancels in order what it has begun: that is waited for, since a killed
    update leaves a lock and operations that nobody knows the end of.

    Raises:
        FileNotFoundError: There is no `pulumi` on PATH.
        KeyboardInterrupt: After the end of an interrupted run.
    """
    environment = {**os.environ, **(told or {})}
    errors = None if hear is None else subprocess.PIPE
    command = ["pulumi", *arguments]
    with (
        subprocess.Popen(command, cwd=project, env=environment, stdout=prints_to, stderr=errors) as running,
        _passed_on(running.stderr, hear),
    ):
        try:
            return running.wait()
        except KeyboardInterrupt:
            _wait(running)
            raise


def is_held_by_another(line: str) -> bool:
    """Whether a line of `pulumi`'s says that it has begun nothing, since the stack is locked."""
    return any(words in line for words in HELD_BY_ANOTHER)


@contextmanager
def _passed_on(errors: Iterable[bytes] | None, hear: Hear | None) -> Generator[None]:
    """Let lines through to standard error, and to `hear`, while the context lasts."""
    if errors is None or hear is None:
        yield
        return

    def pass_on() -> None:
        for line in errors:
            text = line.decode(errors="replace")
            click.echo(text, err=True, nl=False)
            hear(text)

    thread = threading.Thread(target=pass_on, name="pulumi's standard error", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(LAST_WORDS_SECONDS)


def _wait(running: "subprocess.Popen[bytes]") -> None:
    """Wait for the end, whatever is pressed meanwhile: a second Ctrl-C is for `pulumi` to judge, too."""
    while True:
        try:
            running.wait()
        except KeyboardInterrupt:
            continue
        return
