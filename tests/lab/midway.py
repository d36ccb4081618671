"""Killing an update in its middle: so large a share of what it changes is done, and the rest is not."""

import math
import os
import re
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOUCHING = frozenset({"create", "update", "delete", "replace", "create-replacement", "delete-replaced"})
"""The engine's operations that do something to an object."""
LAST_LINES = 40
_DONE = re.compile(r"^ *[-+~]+ +\S+ (?P<name>\S+) (?:created|updated|deleted|replaced)\b")
"""A line in which the engine says that it is through with an object, by the name that the program gave it."""


@dataclass(frozen=True)
class Kill:
    """What came of it.

    Attributes:
        status: The command's exit status; that of a command which ended before it was to be killed, too.
        done: How many of the objects were through when it was killed.
        of: How many objects it was to change.
        said: What it printed last.
    """

    status: int
    done: int
    of: int
    said: str = field(repr=False)

    @property
    def midway(self) -> bool:
        """Whether it was killed after it had begun and before it was through."""
        return self.status == -signal.SIGKILL and 0 < self.done < self.of


def changing(preview: Mapping[str, Any]) -> frozenset[str]:
    """The names of the objects that an update would touch, by the engine's preview as JSON; components are none."""
    return frozenset(
        step["urn"].rpartition("::")[2]
        for step in preview["steps"]
        if step["op"] in TOUCHING and (step.get("newState") or step["oldState"]).get("custom")
    )


def done_by(line: str) -> str | None:
    """The name of the object that the engine is through with, where a line of its output says so of one."""
    found = _DONE.match(line)
    return found["name"] if found else None


def killed_midway(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], objects: Collection[str], share: float
) -> Kill:
    """Run a command that updates a stack, and kill it and all it started once a share of the objects is through.

    Args:
        command: Prints what the engine prints to who is no terminal.
        folder: Where it is run.
        environment: Its environment.
        objects: The names of the objects that it is to change.
        share: Above 0 and below 1.
    """
    wanted = math.ceil(len(objects) * share)
    done: set[str] = set()
    said: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        try:
            for line in running.stdout:
                said.append(line)
                if (name := done_by(line)) in objects:
                    done.add(str(name))
                    if len(done) >= wanted:
                        os.killpg(running.pid, signal.SIGKILL)
                        break
            status = running.wait()
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
    return Kill(status, len(done), len(objects), "".join(said[-LAST_LINES:]))
