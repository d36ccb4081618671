"""The page of every key of a stack file, made from its JSON Schema."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from infra.report.markdown import code, page, table

Schema = Mapping[str, object]


@dataclass(frozen=True)
class KeyRow:
    """One key of a stack file.

    Attributes:
        path: The key, as `bulkhead:pools[].nodes.max`; `[]` stands for each element, `{}` for each key of a map.
        type: What may stand there, in words.
        default: What holds without it, as JSON; "required" where it has to be written.
        description: What it means, and with which `kind` it goes where it goes with one only.
    """

    path: str
    type: str
    default: str
    description: str


def stack_file_reference(schema: Schema) -> str:
    """The page, as Markdown, from the JSON Schema of a whole stack file."""
    reader = _Reader(cast("Schema", schema.get("$defs", {})))
    config = _child(_child(schema, "properties"), "config")
    required = _names(config.get("required"))
    blocks: list[str] = []
    for key, value in _child(config, "properties").items():
        rows = reader.rows(key, cast("Schema", value), required=key in required, only_with="")
        cells = ([code(row.path), row.type, row.default, row.description] for row in rows)
        blocks += [f"## {code(key)}", table(["key", "type", "default", "meaning"], cells)]
    return page(
        "The stack file",
        "Every key of `Pulumi.<stack>.yaml` under `config`. `[]` stands for each element of a list and `{}` for each"
        " key of a map. A key that is not here is refused. `bulkhead schema` prints the same as JSON Schema.",
        *blocks,
    )


def _child(schema: Schema, key: str) -> Schema:
    return cast("Schema", schema[key])


def _names(value: object) -> list[str]:
    return cast("list[str]", value or [])


class _Reader:
    """Turns schemas into rows; `definitions` are what `$ref` points to."""

    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions

    def rows(self, path: str, schema: Schema, *, required: bool, only_with: str) -> Iterator[KeyRow]:
        """The row of `path`, and those of everything below it."""
        resolved = self._resolved(schema)
        description = str(schema.get("description") or resolved.get("description") or "")
        yield KeyRow(path, self._type(resolved), _default(schema, required=required), only_with + description)
        yield from self._below(path, resolved)

    def _below(self, path: str, schema: Schema) -> Iterator[KeyRow]:
        if schema.get("type") == "array":
            yield from self._below(f"{path}[]", self._resolved(_child(schema, "items")))
        for branch in self._branches(schema):
            yield from self._below_branch(path, branch, self._kind(branch))
        if "properties" in schema and not self._branches(schema):
            yield from self._below_branch(path, schema, "")
        values = schema.get("additionalProperties")
        if isinstance(values, dict):
            yield from self._below(f"{path}{{}}", self._resolved(cast("Schema", values)))

    def _below_branch(self, path: str, schema: Schema, kind: str) -> Iterator[KeyRow]:
        required = _names(schema.get("required"))
        only_with = f"With `kind: {kind}`: " if kind else ""
        for key, value in cast("Schema", schema.get("properties", {})).items():
            if kind and key == "kind":
                continue
            rows = self.rows(f"{path}.{key}", cast("Schema", value), required=key in required, only_with=only_with)
            yield from rows
        if not kind and "properties" not in schema:
            yield from self._below(path, schema)

    def _resolved(self, schema: Schema) -> Schema:
        """`schema` without indirection: its `$ref` followed, and `null` taken out of a choice."""
        if "$ref" in schema:
            return self._resolved(_child(self._definitions, str(schema["$ref"]).rpartition("/")[2]))
        choices = [choice for choice in self._choices(schema) if choice.get("type") != "null"]
        return self._resolved(choices[0]) if len(choices) == 1 else schema

    def _choices(self, schema: Schema) -> list[Schema]:
        return cast("list[Schema]", schema.get("oneOf") or schema.get("anyOf") or [])

    def _branches(self, schema: Schema) -> list[Schema]:
        choices = [choice for choice in self._choices(schema) if choice.get("type") != "null"]
        return [self._resolved(choice) for choice in choices]

    def _kind(self, schema: Schema) -> str:
        kind = cast("Schema", cast("Schema", schema.get("properties", {})).get("kind", {}))
        return str(kind.get("const", ""))

    def _type(self, schema: Schema) -> str:
        if branches := self._branches(schema):
            kinds = [self._kind(branch) for branch in branches]
            if all(kinds):
                return f"by `kind`: {_either(kinds)}"
            return " or ".join(self._type(branch) for branch in branches)
        if "enum" in schema:
            return _either(_names(schema["enum"]))
        kind = str(schema.get("type"))
        if kind == "array":
            return f"list of {self._element(_child(schema, 'items'))}"
        return self._object(schema) if kind == "object" else f"{kind}{_range(schema)}"

    def _element(self, schema: Schema) -> str:
        resolved = self._resolved(schema)
        return "blocks" if "properties" in resolved else self._type(resolved)

    def _object(self, schema: Schema) -> str:
        values = schema.get("additionalProperties") or next(
            iter(cast("Schema", schema.get("patternProperties", {})).values()), None
        )
        if "properties" in schema or not isinstance(values, dict):
            return "block"
        return f"map of name to {self._type(self._resolved(cast('Schema', values)))}"


def _either(values: list[str]) -> str:
    return ", ".join(code(value) for value in values)


def _range(schema: Schema) -> str:
    """The bounds of a number, as ` from 1 to 50`."""
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high = schema.get("maximum")
    parts = [
        f"from {low:g}" if isinstance(low, int | float) else "",
        f"above {above:g}" if isinstance(above, int | float) else "",
        f"to {high}" if high is not None else "",
    ]
    return "".join(f" {part}" for part in parts if part)


def _default(schema: Schema, *, required: bool) -> str:
    if required:
        return "**required**"
    default = schema.get("default")
    if isinstance(default, dict):
        kind = cast("Schema", default).get("kind")
        return code(f"{{kind: {kind}}}") if kind else ""
    return "" if default is None else code(json.dumps(default).strip('"'))
