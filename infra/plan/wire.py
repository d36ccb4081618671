"""Values as they travel from the program to the engine, made into JSON that is safe to show.

A value travels as a protobuf `Struct`; the SDK has no types for those, hence `Any`.
"""

from collections.abc import Mapping
from typing import Any

from infra.plan.model import COMPUTED, SECRET, Json

SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
"""The key that marks a struct as something else than a mapping, in the engine's protocol."""
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark of the protocol, no password
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Travels in the place of a value that is not known yet."""


def shown(struct: Any) -> dict[str, Json]:
    """A struct with its keys sorted, secrets and unknown values replaced, whole numbers as such."""
    return {key: _shown(struct.fields[key]) for key in sorted(struct.fields)}


def _shown(value: Any) -> Json:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _shown_struct(value.struct_value)
        case "list_value":
            return [_shown(item) for item in value.list_value.values]
        case "string_value":
            return COMPUTED if value.string_value == UNKNOWN else str(value.string_value)
        case "number_value":
            number = float(value.number_value)
            return int(number) if number.is_integer() else number
        case "bool_value":
            return bool(value.bool_value)
        case _:
            return None


def _shown_struct(struct: Any) -> Json:
    match _signature(struct):
        case "":
            return shown(struct)
        case signature if signature == SECRET_SIGNATURE:
            return _hidden(struct.fields["value"])
        case signature if signature == RESOURCE_SIGNATURE:
            return str(struct.fields["urn"].string_value)
        case _:
            return {key: value for key, value in shown(struct).items() if key != SIGNATURE_KEY}


def _hidden(value: Any) -> Json:
    """A secret: a mapping keeps its keys, so that a Secret still reads as one; whatever else goes as a whole."""
    if value.WhichOneof("kind") == "struct_value" and not _signature(value.struct_value):
        return dict.fromkeys(sorted(value.struct_value.fields), SECRET)
    return SECRET


def _signature(struct: Any) -> str:
    return str(struct.fields[SIGNATURE_KEY].string_value) if SIGNATURE_KEY in struct.fields else ""


def with_outputs(struct: Any, plain: Mapping[str, Any], secret: Mapping[str, str]) -> Any:
    """A copy of `struct` with further outputs; a secret one keeps the value that it has, if it has one.

    The engine marks outputs as secrets that the program, or the resource's own class, calls so.
    """
    result = type(struct)()
    result.CopyFrom(struct)
    result.update(plain)
    for name, value in secret.items():
        field = result.fields[name]
        if field.WhichOneof("kind") is None:
            field.string_value = value
        if field.WhichOneof("kind") != "struct_value" or _signature(field.struct_value) != SECRET_SIGNATURE:
            _wrap(field)
    return result


def _wrap(field: Any) -> None:
    plain = type(field)()
    plain.CopyFrom(field)
    field.struct_value.fields[SIGNATURE_KEY].string_value = SECRET_SIGNATURE
    field.struct_value.fields["value"].CopyFrom(plain)
