"""Property values as the engine sends them: JSON with secrets and unknowns, over protobuf structs.

The SDK's own codec cannot be used by a provider that hands arbitrary Kubernetes objects through: it
refuses integers and drops nulls. The signatures below are the engine's wire format, stated in
`sdk/go/common/resource` of the Pulumi repository.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from google.protobuf.struct_pb2 import ListValue, Struct
from google.protobuf.struct_pb2 import Value as Message

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a wire constant, not a secret
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_SENTINEL: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """The type of `UNKNOWN`: a value that the engine learns only when the update runs."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that the engine encrypts in state and prints as `[secret]`. Its repr never shows it."""

    value: "Value"

    def __repr__(self) -> str:
        return "Secret(...)"


Value: TypeAlias = "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | Secret | Unknown | None"
Tree: TypeAlias = dict[str, Any]
"""A decoded object: its leaves are JSON scalars, `Secret` or `UNKNOWN`."""


def decode(message: Message) -> Any:
    """Return the value of a protobuf message: whole numbers as int, secrets and unknowns as their own types."""
    match message.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if message.string_value == UNKNOWN_SENTINEL else message.string_value
        case "number_value":
            number = message.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return message.bool_value
        case "list_value":
            return [decode(item) for item in message.list_value.values]
        case "struct_value":
            return _decode_signed(message.struct_value)
        case _:
            return None


def _decode_signed(struct: Struct) -> Any:
    fields = struct.fields
    signature = fields[SIGNATURE_KEY].string_value if SIGNATURE_KEY in fields else None
    if signature == SECRET_SIGNATURE:
        return Secret(decode(fields["value"]))
    if signature == OUTPUT_SIGNATURE:
        inner = decode(fields["value"]) if "value" in fields else UNKNOWN
        return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    return decode_struct(struct)


def decode_struct(struct: Struct) -> Tree:
    """Return the fields of a protobuf struct as a dictionary."""
    return {key: decode(value) for key, value in struct.fields.items()}


def encode(value: Value) -> Message:  # noqa: PLR0911 - one line for each wire type
    """Return `value` as a protobuf message. Raises TypeError for a type that has no wire form."""
    match value:
        case None:
            return Message(null_value=cast("Any", 0))
        case Unknown():
            return Message(string_value=UNKNOWN_SENTINEL)
        case Secret():
            wrapped = {SIGNATURE_KEY: Message(string_value=SECRET_SIGNATURE), "value": encode(value.value)}
            return Message(struct_value=Struct(fields=wrapped))
        case bool():
            return Message(bool_value=value)
        case int() | float():
            return Message(number_value=value)
        case str():
            return Message(string_value=value)
        case Mapping():
            return Message(struct_value=encode_struct(value))
        case Sequence():
            return Message(list_value=ListValue(values=[encode(item) for item in value]))
        case _:
            raise TypeError(f"a property value cannot be a {type(value).__name__}")


def encode_struct(tree: Mapping[str, Value]) -> Struct:
    """Return a dictionary as a protobuf struct."""
    return Struct(fields={key: encode(value) for key, value in tree.items()})


def reveal(value: Any) -> Any:
    """Return what a secret wraps, one level deep; anything else unchanged."""
    return value.value if isinstance(value, Secret) else value


def plain(value: Any) -> Any:
    """Return a copy without secret wrappers and without null members, as the Kubernetes API wants it."""
    match value:
        case Secret():
            return plain(value.value)
        case Mapping():
            members = cast("Mapping[str, Any]", value)
            return {key: plain(member) for key, member in members.items() if reveal(member) is not None}
        case list():
            return [plain(item) for item in cast("list[Any]", value)]
        case _:
            return value


def _any(value: Any, test: Callable[[Any], bool]) -> bool:
    if test(value):
        return True
    match value:
        case Secret():
            return _any(value.value, test)
        case Mapping():
            return any(_any(member, test) for member in cast("Mapping[str, Any]", value).values())
        case list():
            return any(_any(item, test) for item in cast("list[Any]", value))
        case _:
            return False


def has_unknown(value: Any) -> bool:
    """Return whether any leaf is known only when the update runs."""
    return _any(value, lambda leaf: leaf is UNKNOWN)


def has_secret(value: Any) -> bool:
    """Return whether any part of the value is a secret."""
    return _any(value, lambda leaf: isinstance(leaf, Secret))


def secret_texts(value: Any, inside: bool = False) -> Iterator[str]:
    """Yield every text that stands inside a secret: what a message must never repeat."""
    match value:
        case Secret():
            yield from secret_texts(value.value, True)
        case Mapping():
            for member in cast("Mapping[str, Any]", value).values():
                yield from secret_texts(member, inside)
        case list():
            for item in cast("list[Any]", value):
                yield from secret_texts(item, inside)
        case str() if inside and value:
            yield value
        case _:
            return


def mark_like(outputs: Any, inputs: Any) -> Any:
    """Return `outputs` with a secret wrapper wherever `inputs` has one.

    A list that an admission webhook lengthened can no longer be matched item by item: when its input
    holds a secret, the whole list becomes one, since a wrapper too many is no leak.
    """
    if isinstance(outputs, Secret):
        return outputs
    match inputs:
        case Secret():
            return Secret(plain(outputs))
        case Mapping() if isinstance(outputs, dict):
            known = cast("Mapping[str, Any]", inputs)
            live = cast("dict[str, Any]", outputs)
            return {key: mark_like(member, known.get(key)) for key, member in live.items()}
        case list() if isinstance(outputs, list):
            sent, got = cast("list[Any]", inputs), cast("list[Any]", outputs)
            if len(sent) == len(got):
                return [mark_like(out, item) for out, item in zip(got, sent, strict=True)]
            return Secret(got) if has_secret(sent) else got
        case _:
            return outputs
