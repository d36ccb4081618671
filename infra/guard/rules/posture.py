"""The verdict of the posture itself, in every tier: a program that was changed may not have asked for it."""

from collections.abc import Iterable, Iterator

from infra.guard.model import Guard, GuardedResource
from infra.guard.rule import StackRule


def _posture_is_sound(resources: Iterable[GuardedResource], guard: Guard) -> Iterator[str]:
    del resources
    for finding in guard.errors:
        yield f"its posture is unsound, and the program would have refused it. {finding.path}: {finding.message}"


STACK_RULES = (
    StackRule(
        "posture-is-sound",
        (),
        "The stack file's posture has no error: what its facts require is in force or knowingly waived, and can be.",
        _posture_is_sound,
    ),
)
