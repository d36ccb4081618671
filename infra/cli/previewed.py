"""What the engine says to a change: to the stack file as it is, or to the first of the updates that it takes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infra.cli.options import today
from infra.cli.situation import Situation, situation, step_file
from infra.diff import StackDifference
from infra.faults import CommandFailedError
from infra.guard import Violation, violations_of_each
from infra.guard.stack import guard_of_stack
from infra.preview.model import EnginePreview
from infra.preview.run import engine_preview


@dataclass(frozen=True)
class Previewed:
    """A change with the engine's preview of it.

    Attributes:
        difference: What the change of the stack file means; its way is that from what is deployed, where that is known.
        preview: What the engine would do.
        broken: The platform's rules that it would break.
        first: Whether the preview is of the first update of the way, and not of the stack file as it is.
    """

    difference: StackDifference
    preview: EnginePreview
    broken: Sequence[Violation]
    first: bool = False


def previewed(difference: StackDifference, path: Path, selected: str, recorded: EnginePreview | None) -> Previewed:
    """The engine's preview of a stack file.

    Where the engine refuses a plain update of it, and what is deployed says that the change takes more than one, it is
    asked again for the first of those: a refusal alone tells a reviewer nothing of what comes.

    Args:
        difference: What the change of the stack file means.
        path: The stack file.
        selected: The stack as the engine needs it named.
        recorded: What the engine has said already; it is not asked then.

    Raises:
        CommandFailedError: There is no engine, or it printed no preview.
    """
    found = recorded or engine_preview(selected, path.parent, os.environ)
    if not found.errors:
        # The engine knows what is deployed, which may be more than the stack file at the base.
        return _judged(replace(difference, way=()), found, path)
    there = None if recorded else _situation(difference, path, selected)
    if there is None:
        return _judged(difference, found, path)
    if not there.refuses_one_update:
        return _judged(replace(difference, way=()), found, path)
    way = there.way
    with step_file(way[0], there) as file:
        step = engine_preview(selected, path.parent, os.environ, file)
        return replace(_judged(replace(difference, way=way), step, file), first=True)


def _judged(difference: StackDifference, preview: EnginePreview, path: Path) -> Previewed:
    broken = violations_of_each(preview.resources, guard_of_stack(path, difference.stack))
    return Previewed(difference, preview, broken)


def _situation(difference: StackDifference, path: Path, selected: str) -> Situation | None:
    """What is deployed; None where it cannot be told, or where what shall be is refused however it is carried out."""
    if difference.errors:
        return None
    try:
        return situation(selected, path, path.parent, today(), stack=difference.stack)
    except CommandFailedError:
        return None
