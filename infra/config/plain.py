"""Plain values: what JSON can say, so that everything after it can rely on that."""

import datetime
import math
import unicodedata
from collections.abc import Mapping

from infra.config.paths import Location, is_list, is_mapping
from infra.config.problem import Problem

DEPTH_LIMIT = 32
"""Levels; the deepest legitimate key has eight."""

INTEGER_LIMIT = 2**63 - 1
"""The engine keeps integers in 64 bits."""

_ALLOWED_CONTROLS = "\n\t"
_UNPRINTABLE = {"Cc", "Cs"}
_BIDIRECTIONAL = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Plainness:
    """Turns a value into plain JSON, noting what cannot be said in it; such values become None."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def plain(self, value: object, location: Location) -> object:
        """`value` as dicts with text keys, lists, text, finite numbers, booleans and None."""
        if len(location) > DEPTH_LIMIT:
            return self._refuse(location, f"is nested deeper than {DEPTH_LIMIT} levels")
        if is_mapping(value):
            return self._mapping(value, location)
        if is_list(value):
            return [self.plain(item, (*location, index)) for index, item in enumerate(value)]
        return self._scalar(value, location)

    def _mapping(self, mapping: Mapping[object, object], location: Location) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, item in mapping.items():
            if not isinstance(key, str):
                self._refuse(location, f"has a key that is {kind_of(key)}, and keys are text")
            elif unprintable(key):
                self._refuse(location, f"has a key with the unprintable character {unprintable(key)}")
            else:
                result[key] = self.plain(item, (*location, key))
        return result

    def _scalar(self, value: object, location: Location) -> object:
        if isinstance(value, datetime.date):
            return value.isoformat()
        if wrong := _unsayable(value):
            self._refuse(location, wrong)
            return None
        return value

    def _refuse(self, location: Location, wrong: str) -> None:
        self.problems.append(
            Problem(
                location,
                wrong,
                "it cannot be read the same way by this program, by Pulumi's engine and by people",
                "a plain value: text, a number, true or false, a list, or keys with values",
            )
        )


def _unsayable(value: object) -> str | None:
    """Why JSON, as everybody reads it, cannot say the scalar; None where it can."""
    match value:
        case int() if abs(value) > INTEGER_LIMIT:
            return "is a number beyond 64 bits"
        case float() if not math.isfinite(value):
            return "is not a finite number"
        case str() if (character := unprintable(value)) is not None:
            return f"holds the unprintable character {character}"
        case None | int() | float() | str():
            return None
        case _:
            return "is of a type that a stack file cannot hold"


def unprintable(text: str) -> str | None:
    """The first character of `text` that a terminal or a reviewer would not show, as `U+001B`, or None."""
    if text.isprintable():
        return None
    for character in text:
        hidden = unicodedata.category(character) in _UNPRINTABLE and character not in _ALLOWED_CONTROLS
        if hidden or character in _BIDIRECTIONAL:
            return f"U+{ord(character):04X}"
    return None


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "empty"),
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number with a fraction"),
    (str, "text"),
    (Mapping, "keys with values"),
    ((list, tuple), "a list"),
)


def kind_of(value: object) -> str:
    """The kind of a plain value in words, never the value itself."""
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "something else")
