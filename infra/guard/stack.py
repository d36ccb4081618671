"""What there is to guard in a stack, from its stack file: for the policy pack, which knows the stack's name alone."""

import datetime
import functools
from pathlib import Path

from infra.config.loader import load_stack_file
from infra.guard.model import Guard, guard_of
from infra.posture import platform_of


@functools.cache
def guard_of_stack(project: Path, stack: str) -> Guard:
    """What there is to guard in the stack of that name; read once, since every rule asks for it at every resource.

    Raises:
        FaultsFoundError: The stack file cannot be read or is not right; the program itself is refused then, too.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    return guard_of(platform_of(*load_stack_file(project / f"Pulumi.{stack}.yaml", today), today))
