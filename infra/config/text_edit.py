"""Changing one value in a stack file's text: every other character stays, comments and order with them."""

import re
from typing import cast

import yaml

from infra.config.paths import Location
from infra.config.yaml_text import YamlRefusedError, read_yaml

_BLOCK_SCALARS = ("|", ">")
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_:-]*")


class NotEditableError(Exception):
    """The text is written in a way in which the place of the value is not clear."""


def with_value(text: str, location: Location, value: int) -> str:
    """`text` with a number at a place below `config`.

    A number that stands there is replaced; a key that is missing is added at the end of its mapping, with the mappings
    above it as far as they are missing.

    Raises:
        NotEditableError: There is no such list element, or what came out does not read as meant.
    """
    parts: tuple[str | int, ...] = ("config", *location)
    edited = _edited(text, parts, value)
    try:
        read = read_yaml(edited).value
    except YamlRefusedError:
        raise NotEditableError("what came out does not read as YAML") from None
    if read != _set(read_yaml(text).value, parts, value):
        raise NotEditableError("what came out does not read as meant")
    return edited


def _edited(text: str, parts: Location, value: int) -> str:
    node = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    for depth, part in enumerate(parts):
        child = _child(node, part)
        if child is None:
            if not isinstance(node, yaml.MappingNode) or not isinstance(part, str):
                raise NotEditableError("there is no such place")
            return _added(text, node, _written(parts[depth:], value))
        node = child
    if node is None:
        raise NotEditableError("there is nothing in the file")
    return f"{text[: node.start_mark.index]}{value}{text[_end(text, node) :]}"


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        return next((value for key, value in pairs if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        items = cast("list[yaml.Node]", node.value)
        return items[part] if part < len(items) else None
    return None


def _written(parts: Location, value: int) -> str:
    """`a: {b: 2}` for the parts a and b."""
    key, *rest = parts
    if not isinstance(key, str) or not _BARE.fullmatch(key):
        raise NotEditableError("there is no such place")
    return f"{key}: {{{_written(tuple(rest), value)}}}" if rest else f"{key}: {value}"


def _added(text: str, node: yaml.MappingNode, pair: str) -> str:
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
    if node.flow_style:
        last = _end(text, pairs[-1][1]) if pairs else node.end_mark.index - 1
        return f"{text[:last]}{', ' if pairs else ''}{pair}{text[last:]}"
    if not pairs:
        raise NotEditableError("there is no such place")
    end = text.find("\n", _end(text, pairs[-1][1]))
    # Lines end as they do in the rest of the file: in front of the break that is there, both of its characters.
    line_break = "\r\n" if "\r\n" in text else "\n"
    line = len(text) if end < 0 else end - (text[end - 1] == "\r")
    indent = " " * pairs[0][0].start_mark.column
    return f"{text[:line]}{line_break}{indent}{pair}{text[line:]}"


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends: the parser's own mark of a block stands at whatever follows it, comments passed over."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(text, cast("list[tuple[yaml.Node, yaml.Node]]", node.value)[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(text, cast("list[yaml.Node]", node.value)[-1])
    end = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in _BLOCK_SCALARS:
        return len(text[:end].rstrip())
    return end


def _set(document: object, parts: Location, value: int) -> object:
    """`document` as it has to read afterwards."""
    if not parts:
        return value
    part, *rest = parts
    if isinstance(document, list):
        items = list(cast("list[object]", document))
        items[int(part)] = _set(items[int(part)], tuple(rest), value)
        return items
    mapping = dict(cast("dict[object, object]", document or {}))
    mapping[part] = _set(mapping.get(part), tuple(rest), value)
    return mapping
