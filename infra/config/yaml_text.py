"""YAML as the engine reads it, less what could be read in two ways or grow beyond its text.

Scalars follow YAML 1.2's core schema, as the engine's reader does: `yes` and `on` are text, and so are days. Anchors,
aliases, tags and repeated keys are refused.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from infra.config.paths import Location

DEPTH_LIMIT = 64
"""Levels of nesting."""

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NOT_A_NUMBER = re.compile(r"\.(nan|NaN|NAN)")
_DIGITS_READ = 40
"""Digits that are read of a whole number; those beyond only make a number that is refused anyway larger."""


class YamlRefusedError(Exception):
    """The text is not YAML, or uses what is refused here.

    Attributes:
        wrong: What is wrong, without any of the text.
        line: Counted from 1; None where it is not known.
        column: Counted from 1; None where it is not known.
    """

    def __init__(self, wrong: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.line = line
        self.column = column


@dataclass
class YamlDocument:
    """What a text holds.

    Attributes:
        value: Dicts, lists, text, numbers, booleans and None.
        repeated: Location of each repeated key, its line and the line where it stood first. The first value is kept.
    """

    value: object = None
    repeated: list[tuple[Location, int, int]] = field(default_factory=list[tuple[Location, int, int]])


def read_yaml(text: str) -> YamlDocument:
    """Reads one YAML document.

    Raises:
        YamlRefusedError: the text is malformed, or uses anchors, aliases, tags or several documents.
    """
    try:
        return _Composer(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise YamlRefusedError(f"this is not YAML: {error.problem or error.context}", line, column) from None
    except yaml.reader.ReaderError:
        raise YamlRefusedError("the file holds a character that YAML does not allow") from None


class _Composer:
    """Builds plain values from the parser's events, so that nothing is ever made of a tag or an alias."""

    def __init__(self, text: str) -> None:
        # The C parser is ten times as fast; both give the same events.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events = cast("Iterator[Event]", yaml.parse(text, Loader=loader))  # pyright: ignore[reportUnknownMemberType]
        self._result = YamlDocument()

    def document(self) -> YamlDocument:
        started = False
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if started:
                    raise _refusal("a second YAML document begins here, and a stack file has one", event)
                started = True
                self._result.value = self._value(next(self._events), ())
        return self._result

    def _value(self, event: Event, location: Location) -> object:
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refusal("an anchor or alias stands here, and each value must be written where it belongs", event)
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise _refusal("a tag stands here, and only plain values may be written", event)
        if len(location) > DEPTH_LIMIT:
            raise _refusal(f"this is nested deeper than {DEPTH_LIMIT} levels", event)
        if isinstance(event, MappingStartEvent):
            return self._mapping(location)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(location)
        return _scalar(event)

    def _mapping(self, location: Location) -> dict[object, object]:
        mapping: dict[object, object] = {}
        lines: dict[object, int] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise _refusal("a list or mapping stands as a key here, and keys are text", event)
            line = event.start_mark.line + 1
            key = self._value(event, location)
            value = self._value(next(self._events), (*location, str(key)))
            if key in mapping:
                self._result.repeated.append(((*location, str(key)), line, lines[key]))
            else:
                mapping[key] = value
                lines[key] = line
        return mapping

    def _sequence(self, location: Location) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value(event, (*location, len(items))))
        return items


def _refusal(wrong: str, event: Event) -> YamlRefusedError:
    return YamlRefusedError(wrong, event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: Event) -> object:
    if not isinstance(event, ScalarEvent):
        raise _refusal("a value is wanted here", event)
    text = str(event.value)
    return _plain_scalar(text) if event.implicit[0] else text


def _plain_scalar(text: str) -> object:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return _TRUE.fullmatch(text) is not None
    if _INTEGER.fullmatch(text):
        return int(text[:_DIGITS_READ])
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return math.inf
    return math.nan if _NOT_A_NUMBER.fullmatch(text) else text
