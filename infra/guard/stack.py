"""What there is to guard in a stack, from its stack file: for the policy pack, which knows the stack's name alone."""

import datetime
import functools
from collections.abc import Mapping
from pathlib import Path

from infra.config.loader import load_stack_file
from infra.guard.guarded import guard_of
from infra.guard.model import Guard
from infra.posture import platform_of

STACK_FILE_VARIABLE = "BULKHEAD_STACK_FILE"
"""The environment variable that names the file of an update which is not made of the stack's own."""


def judged_file(project: Path, stack: str, environment: Mapping[str, str]) -> Path:
    """The stack file that an update is made of: its own in the project, unless the environment names another.

    The engine tells a policy pack nothing of `--config-file`, and hands its own environment on.
    """
    named = environment.get(STACK_FILE_VARIABLE)
    return Path(named) if named else project / f"Pulumi.{stack}.yaml"


@functools.cache
def guard_of_stack(file: Path, stack: str) -> Guard:
    """What there is to guard in a stack by its file; read once, since every rule asks for it at every resource.

    Raises:
        FaultsFoundError: The stack file cannot be read or is not right; the program itself is refused then, too.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    _, config = load_stack_file(file, today)
    return guard_of(platform_of(stack, config, today))
