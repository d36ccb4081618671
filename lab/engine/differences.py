"""What changed between two trees of inputs, as the engine wants it told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.values import UNKNOWN


class Change(Enum):
    """How one leaf changed."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Difference:
    """One changed leaf: the keys and indices that lead to it, and how it changed."""

    steps: tuple[str | int, ...]
    change: Change

    @property
    def path(self) -> str:
        """The engine's notation of a property path, as `spec.ports[0]["odd.key"]`."""
        return render_path(self.steps)


def render_path(steps: tuple[str | int, ...]) -> str:
    """Return keys and indices in the engine's notation of a property path."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(mark in step for mark in './"[]'):
            text += '["' + step.replace("\\", "\\\\").replace('"', '\\"') + '"]'
        else:
            text += f".{step}" if text else step
    return text


def differences(old: Any, new: Any) -> list[Difference]:
    """Return the changed leaves of two plain trees, in a stable order; engine-internal `__` keys are left out."""
    return [found for found in _walk(old, new, ()) if not _internal(found.steps)]


def _internal(steps: tuple[str | int, ...]) -> bool:
    return bool(steps) and str(steps[0]).startswith("__")


def _same_leaf(old: object, new: object) -> bool:
    if old is UNKNOWN or new is UNKNOWN:
        return False
    return isinstance(old, bool) == isinstance(new, bool) and old == new


def _walk(old: Any, new: Any, steps: tuple[str | int, ...]) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        for key in sorted(before.keys() | after.keys()):
            yield from _member(key, before, after, (*steps, key))
    elif isinstance(old, list) and isinstance(new, list):
        was = dict(enumerate(cast("list[Any]", old)))
        now = dict(enumerate(cast("list[Any]", new)))
        for index in range(max(len(was), len(now))):
            yield from _member(index, was, now, (*steps, index))
    elif not _same_leaf(cast("object", old), cast("object", new)):
        yield Difference(steps, Change.UPDATE)


def _member(
    key: Any, before: dict[Any, Any], after: dict[Any, Any], steps: tuple[str | int, ...]
) -> Iterator[Difference]:
    if key not in before:
        yield Difference(steps, Change.ADD)
    elif key not in after:
        yield Difference(steps, Change.DELETE)
    else:
        yield from _walk(before[key], after[key], steps)


def response(
    found: list[Difference],
    replaces: Callable[[Difference], bool],
    delete_before_replace: bool = False,
) -> pb.DiffResponse:
    """Return the engine's answer for the differences found; `replaces` tells which force a replacement."""
    if not found:
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
    forcing = {difference for difference in found if replaces(difference)}
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME,
        diffs=sorted({str(difference.steps[0]) for difference in found if difference.steps}),
        replaces=sorted(difference.path for difference in forcing),
        deleteBeforeReplace=delete_before_replace and bool(forcing),
        hasDetailedDiff=True,
        detailedDiff={
            difference.path: pb.PropertyDiff(kind=_kind(difference.change, difference in forcing), inputDiff=True)
            for difference in found
        },
    )


def _kind(change: Change, replace: bool) -> pb.PropertyDiff.Kind.ValueType:
    return pb.PropertyDiff.Kind.Value(change.value + ("_REPLACE" if replace else ""))
