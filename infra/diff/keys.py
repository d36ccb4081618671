"""What differs between two trees of plain values, key by key, as a reader of the stack file would name it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

Path = tuple[str, ...]
"""Keys from the outermost in; a list's item by its `name` where every item has one of its own, else by its place."""

Leaf = str
"""A value as text."""


@dataclass(frozen=True)
class KeyChange:
    """One key whose value differs.

    Attributes:
        path: The keys that lead to it.
        before: Its value as text; None where it was not there.
        after: Its value as text; None where it is no longer there.
    """

    path: Path
    before: Leaf | None
    after: Leaf | None

    @property
    def key(self) -> str:
        """The path in one, as `budget.usd`."""
        return ".".join(self.path)


def key_changes(before: object, after: object) -> tuple[KeyChange, ...]:
    """The leaves that differ between two trees, by path; a list of plain values counts as one leaf."""
    was, now = dict(_leaves(before, ())), dict(_leaves(after, ()))
    return tuple(
        KeyChange(path, was.get(path), now.get(path))
        for path in sorted(was.keys() | now.keys())
        if was.get(path) != now.get(path)
    )


def _leaves(value: object, path: Path) -> Iterator[tuple[Path, Leaf]]:
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        for key, item in entries.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        yield from _leaves_of_list(cast("Sequence[object]", value), path)
    elif value is not None:
        yield path, _text(value)


def _leaves_of_list(items: Sequence[object], path: Path) -> Iterator[tuple[Path, Leaf]]:
    if not any(isinstance(item, Mapping | list | tuple) for item in items):
        if items:
            yield path, ", ".join(_text(item) for item in items)
        return
    for name, item in zip(_names(items), items, strict=True):
        yield from _leaves(item, (*path, name))


def _names(items: Sequence[object]) -> list[str]:
    names = [cast("Mapping[object, object]", item).get("name") if isinstance(item, Mapping) else None for item in items]
    named = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return [str(name) for name in names] if named else [str(index) for index in range(len(items))]


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)
