"""Values of any type, since nobody has checked them yet: a resource's inputs, a document that was read.

The policy SDK hands mappings and sequences of its own, which are neither `dict` nor `list` and raise where an unknown
value is read: what is not asked for is not touched.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import yaml


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` where it is a mapping, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def listed(value: Any) -> Sequence[Any]:
    """`value` where it is a list, else an empty one."""
    return cast("Sequence[Any]", value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()


def plain(value: Any) -> Any:
    """`value` in dictionaries and lists, which can be compared; what is null is left out, as the engine does."""
    if isinstance(value, Mapping):
        known = mapping(cast("Any", value))
        return {key: plain(item) for key, item in known.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in listed(cast("Any", value))]
    return value


def differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The keys, sorted, under which two mappings hold different things, or only one of them anything."""
    one, other = plain(found), plain(wanted)
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def mappings_below(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a value, at whatever depth, itself included."""
    if isinstance(value, Mapping):
        known = mapping(cast("Any", value))
        yield known
        for item in known.values():
            yield from mappings_below(item)
    else:
        for item in listed(value):
            yield from mappings_below(item)


def texts_below(value: Any) -> Iterator[str]:
    """Every text in a value, at whatever depth; keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in mapping(cast("Any", value)).values():
            yield from texts_below(item)
    else:
        for item in listed(value):
            yield from texts_below(item)


def document(text: Any) -> Mapping[str, Any]:
    """The mapping that a text holds as YAML or JSON; empty where it holds another thing, or is no text."""
    return _parsed(text) if isinstance(text, str) else {}


@functools.lru_cache(maxsize=128)
def _parsed(text: str) -> Mapping[str, Any]:
    """Read once, since every rule on a document asks for it."""
    try:
        return mapping(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError):
        return {}
