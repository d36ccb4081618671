"""Reading `Pulumi.<stack>.yaml`: everything that can be wrong with a file before its configuration is looked at."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.config.paths import is_mapping, render
from infra.config.plain import kind_of, unprintable
from infra.config.problem import Problem
from infra.config.words import foreign_letter, listed, near_miss
from infra.config.yaml_text import YamlDocument, YamlRefusedError, read_yaml
from infra.faults import Fault, FaultsFoundError

SIZE_LIMIT = 1024 * 1024
"""Bytes; a thousand tenants take about 250 KiB."""

FILE_KEYS = ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment")
"""What Pulumi reads from a stack file's top level."""

_FILE_NAME = re.compile(r"Pulumi\.(?P<stack>[A-Za-z0-9_.-]{1,100})\.ya?ml")
_NOTHING_READ = "there is no configuration to work from"


@dataclass(frozen=True)
class StackFile:
    """A stack file that could be read.

    Attributes:
        stack: The stack's name.
        document: Full keys → values.
        faults: What is wrong outside `config`.
        problems: What is wrong with how `config` is written, as keys that stand twice.
    """

    stack: str
    document: Mapping[str, object]
    faults: tuple[Fault, ...]
    problems: tuple[Problem, ...]


def read_stack_file(path: Path) -> StackFile:
    """Reads a stack file.

    Raises:
        FaultsFoundError: there is no such file, it is not one, or it holds no configuration.
    """
    stack = _stack_name(path)
    content = _content(path)
    try:
        yaml_document = read_yaml(content)
    except YamlRefusedError as refusal:
        place = f"{path.name}:{refusal.line}:{refusal.column}" if refusal.line else path.name
        where = f" (line {refusal.line}, column {refusal.column})" if refusal.line else ""
        raise _refused(
            path, f"{refusal.wrong}{where}", _NOTHING_READ, "plain YAML, as in the other stack files", place
        ) from None
    return _stack_file(path, stack, yaml_document)


def _refused(path: Path, wrong: str, follows: str, write: str, place: str = "") -> FaultsFoundError:
    return FaultsFoundError(path.name, [Fault(place or path.name, wrong, follows, write)])


def _stack_name(path: Path) -> str:
    """The stack that a file is of: `dev` for Pulumi.dev.yaml, and for any other name the name itself."""
    match = _FILE_NAME.fullmatch(path.name)
    return match["stack"] if match else path.stem


def _content(path: Path) -> str:
    try:
        if not path.exists():
            raise _missing(path)
        if not path.is_file():
            what = "a folder" if path.is_dir() else "not an ordinary file"
            raise _refused(path, f"this is {what}", _NOTHING_READ, "the path of a stack file")
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(path, f"it cannot be read: {reason}", _NOTHING_READ, "a file that you may read") from None
    if len(content) > SIZE_LIMIT:
        raise _refused(
            path,
            f"the file is larger than {SIZE_LIMIT // 1024} KiB",
            "nobody could review it, and reading it would take long",
            "a stack file; is this another file?",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(
            path,
            f"the file is not UTF-8 text (line {line})",
            _NOTHING_READ,
            "the file saved as UTF-8",
            f"{path.name}:{line}",
        ) from None


def _missing(path: Path) -> FaultsFoundError:
    beside = sorted(match["stack"] for other in _siblings(path) if (match := _FILE_NAME.fullmatch(other.name)))
    known = f"one of the stacks here: {listed(beside)}" if beside else "a path where stack files are"
    return _refused(path, f"there is no file {path}", _NOTHING_READ, known)


def _siblings(path: Path) -> list[Path]:
    try:
        return list(path.parent.iterdir())
    except OSError:
        return []


def _stack_file(path: Path, stack: str, yaml_document: YamlDocument) -> StackFile:
    content = yaml_document.value
    if not is_mapping(content):
        wrong = f"keys with values are wanted in a stack file, and this one is {kind_of(content)}"
        raise _refused(path, wrong, _NOTHING_READ, "config: with the keys below it")
    faults = [*_top_level(content), *_repeated_outside(yaml_document)]
    configuration = content.get("config")
    if not is_mapping(configuration) or not configuration:
        there = "config" in content
        wanted = f"keys with values are wanted here, and {_held(configuration)}"
        wrong = wanted if there else "no `config:`"
        fault = Fault("config" if there else path.name, wrong, _NOTHING_READ, "config: with the keys below it")
        raise FaultsFoundError(path.name, [*faults, fault])
    document = {key: value for key, value in configuration.items() if isinstance(key, str)}
    if len(document) != len(configuration):
        faults.append(Fault("config", "a key here is not text", _NOTHING_READ, "keys as `bulkhead:trust`"))
    return StackFile(stack, document, tuple(faults), tuple(_repeated_inside(yaml_document)))


def _held(configuration: object) -> str:
    return "there is none" if is_mapping(configuration) else f"this is {kind_of(configuration)}"


def _top_level(content: Mapping[object, object]) -> Iterator[Fault]:
    for key in content:
        if key in FILE_KEYS:
            continue
        if not isinstance(key, str) or unprintable(key):
            yield Fault("config", "a key beside this one is not text", _NOTHING_READ, f"the keys {listed(FILE_KEYS)}")
            continue
        meant, odd = near_miss(key, FILE_KEYS), foreign_letter(key)
        below = ":" in key
        yield Fault(
            render((key,)),
            "this key is not known here" + (f": {odd}" if odd else ""),
            "Pulumi would ignore it, so that what it was meant to set stays as it is",
            "it below `config:`" if below else f"`{meant}`, if that is meant" if meant else "remove it",
        )


def _repeated_outside(yaml_document: YamlDocument) -> Iterator[Fault]:
    for location, line, first in yaml_document.repeated:
        if location[0] != "config" or len(location) == 1:
            path = "config" if location == ("config",) else render(location)
            yield Fault(path, *_repeated(line, first))


def _repeated_inside(yaml_document: YamlDocument) -> Iterator[Problem]:
    for location, line, first in yaml_document.repeated:
        if location[0] == "config" and len(location) > 1:
            yield Problem(location[1:], *_repeated(line, first))


def _repeated(line: int, first: int) -> tuple[str, str, str]:
    return (
        f"this key stands twice: on line {first} and on line {line}",
        "one of the two would be dropped in silence",
        "the key once",
    )
