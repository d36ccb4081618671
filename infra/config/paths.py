"""Places in a stack file, and how they are written: `bulkhead:tenants[0].models[1]`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

Location = tuple[str | int, ...]
"""The full key first, as `bulkhead:tenants`, then keys and indexes; empty: the whole configuration."""

ROOT = "config"
"""How the whole configuration is written: the key that holds it in a stack file."""

DEPTH_SHOWN = 64
"""Levels down to which places are told apart; documents that go deeper are refused at a higher level."""

_PLAIN_HEAD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(:[A-Za-z_][A-Za-z0-9_-]*)*")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SEGMENT = re.compile(r'\.?(?P<plain>[A-Za-z_][A-Za-z0-9_:-]*)|\[(?P<index>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]')


def render(location: Location) -> str:
    """The location as Pulumi writes property paths; odd keys are quoted in ASCII, so that look-alikes show."""
    if not location:
        return ROOT
    head, *rest = location
    return _head(str(head)) + "".join(_segment(part) for part in rest)


def _head(key: str) -> str:
    return key if key != ROOT and _PLAIN_HEAD.fullmatch(key) else f"[{json.dumps(key)}]"


def _segment(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) else f"[{json.dumps(part)}]"


def location_of(path: str) -> Location:
    """The location that `path` names: the inverse of `render`.

    Raises:
        ValueError: `path` is not a path.
    """
    if path == ROOT:
        return ()
    location: list[str | int] = []
    position = 0
    while position < len(path):
        match = _SEGMENT.match(path, position)
        if match is None:
            raise ValueError(f"not a path: {path}")
        if match["plain"] is not None:
            location.append(match["plain"])
        elif match["index"] is not None:
            location.append(int(match["index"]))
        else:
            location.append(json.loads(match["quoted"]))
        position = match.end()
    return tuple(location)


def exists(document: Mapping[str, object], path: str) -> bool:
    """Whether `path` names a key or element that `document` holds."""
    location = location_of(path)
    return nearest(document, location) == location


def nearest(document: Mapping[str, object], location: Location) -> Location:
    """The longest beginning of `location` that `document` holds."""
    value: object = document
    for depth, part in enumerate(location):
        if not _holds(value, part):
            return location[:depth]
        value = child(value, part)
    return location


def child(value: object, part: str | int) -> object:
    """What `value` holds under a key or index, or None."""
    if is_mapping(value):
        return value.get(part)
    return value[part] if is_list(value) and isinstance(part, int) and part < len(value) else None


def _holds(value: object, part: str | int) -> bool:
    if is_mapping(value):
        return part in value
    return is_list(value) and isinstance(part, int) and part < len(value)


def positions(document: Mapping[str, object]) -> dict[Location, int]:
    """Every location of `document`, down to `DEPTH_SHOWN` levels → its position in reading order."""
    return {location: position for position, location in enumerate(_walk(document, ()))}


def _walk(value: object, location: Location) -> Iterator[Location]:
    yield location
    if len(location) >= DEPTH_SHOWN:
        return
    if is_mapping(value):
        for key, item in value.items():
            if isinstance(key, str):
                yield from _walk(item, (*location, key))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _walk(item, (*location, index))


def is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    """Whether `value` is what YAML and JSON call a mapping or an object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether `value` is what YAML and JSON call a list."""
    return isinstance(value, list | tuple)
