"""Stand-in for Pulumi's `random` provider: values drawn once and kept in the state.

Every argument is a replacement trigger, as in the real provider, so an unrelated change never mints a
new value. `RandomPassword.bcrypt_hash` is left out: bcrypt is not in the standard library.
"""

import base64
import secrets
import string
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.differences import differences, response
from lab.engine.plugins import RANDOM
from lab.engine.plumbing import Failure, StandInServicer, serve
from lab.engine.values import (
    UNKNOWN,
    Secret,
    Tree,
    Value,
    decode_struct,
    encode_struct,
    plain,
)

SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"
"""The real provider's default for `special` characters."""

OUTPUTS: Final[Mapping[str, Mapping[str, bool]]] = {
    "RandomPassword": {"result": True},
    "RandomString": {"result": False},
    "RandomBytes": {"base64": True, "hex": True},
    "RandomId": {"b64Std": False, "b64Url": False, "hex": False, "dec": False},
    "RandomUuid": {"result": False},
    "RandomInteger": {"result": False},
}
"""The outputs of each kind, and whether each is a secret."""


def draw_text(arguments: Mapping[str, Any]) -> str:
    """Draw a string of `length` characters that holds each class's minimum. Raises Failure if none fits."""
    classes = [
        (alphabet, int(arguments.get(minimum) or 0))
        for switch, alphabet, minimum in (
            ("upper", string.ascii_uppercase, "minUpper"),
            ("lower", string.ascii_lowercase, "minLower"),
            ("numeric", string.digits, "minNumeric"),
            ("special", arguments.get("overrideSpecial") or SPECIAL, "minSpecial"),
        )
        if arguments.get(switch, arguments.get("number", True) if switch == "numeric" else True)
    ]
    length, least = int(arguments["length"]), sum(minimum for _, minimum in classes)
    if not classes or least > length:
        raise Failure(f"no text of {length} characters can satisfy the classes asked for (at least {least})")
    drawn = [secrets.choice(alphabet) for alphabet, minimum in classes for _ in range(minimum)]
    every = "".join(alphabet for alphabet, _ in classes)
    drawn += [secrets.choice(every) for _ in range(length - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


def draw_bytes(count: int) -> dict[str, str]:
    """Draw `count` random bytes and return them in every notation that the real provider offers."""
    drawn = secrets.token_bytes(count)
    return {
        "base64": base64.b64encode(drawn).decode(),
        "b64Url": base64.urlsafe_b64encode(drawn).decode().rstrip("="),
        "hex": drawn.hex(),
        "dec": str(int.from_bytes(drawn, "big")),
    }


def mint(kind: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, str | int]]:
    """Draw a new value: its identity and its outputs. Raises Failure for a kind the stand-in lacks."""
    match kind:
        case "RandomPassword":
            return "none", {"result": draw_text(arguments)}
        case "RandomString":
            text = draw_text(arguments)
            return text, {"result": text}
        case "RandomBytes":
            notations = draw_bytes(int(arguments["length"]))
            return "none", {"base64": notations["base64"], "hex": notations["hex"]}
        case "RandomId":
            notations, prefix = draw_bytes(int(arguments["byteLength"])), arguments.get("prefix") or ""
            notations["b64Std"] = notations.pop("base64")
            return notations["b64Url"], {name: prefix + text for name, text in notations.items()}
        case "RandomUuid":
            text = str(uuid.uuid4())
            return text, {"result": text}
        case "RandomInteger":
            low, high = int(arguments["min"]), int(arguments["max"])
            number = low + secrets.randbelow(high - low + 1)
            return str(number), {"result": number}
        case _:
            raise Failure(f"the lab's random stand-in has no {kind}; install the real random plugin to use it")


def kind_of(urn: str) -> str:
    """Return the resource kind that a URN names, as `RandomPassword`."""
    return urn.split("::")[2].rsplit("$", 1)[-1].rsplit(":", 1)[-1]


def with_outputs(kind: str, inputs: Tree, outputs: Mapping[str, Value]) -> Tree:
    """Return inputs and outputs together, the secret ones wrapped."""
    hidden = OUTPUTS.get(kind, {})
    wrapped = {name: Secret(value) if hidden.get(name) else value for name, value in outputs.items()}
    return {**inputs, **wrapped}


class RandomServicer(StandInServicer):
    """The stand-in's service: only `create` draws; everything else keeps what the state holds."""

    package: ClassVar[str] = "random"
    version: ClassVar[str] = RANDOM.version

    def check(self, request: pb.CheckRequest) -> pb.CheckResponse:
        """Return the inputs as they are; the SDK has typed them."""
        return pb.CheckResponse(inputs=request.news)

    def diff(self, request: pb.DiffRequest) -> pb.DiffResponse:
        """Plan a replacement for any changed argument, as the real provider does."""
        old, new = plain(decode_struct(request.old_inputs)), plain(decode_struct(request.news))
        return response(differences(old, new), replaces=lambda _: True)

    def create(self, request: pb.CreateRequest) -> pb.CreateResponse:
        """Draw the value; a preview only says that there will be one."""
        kind, inputs = kind_of(request.urn), decode_struct(request.properties)
        if request.preview:
            foreseen: dict[str, Value] = dict.fromkeys(OUTPUTS.get(kind, {}), UNKNOWN)
            return pb.CreateResponse(id="", properties=encode_struct(with_outputs(kind, inputs, foreseen)))
        identity, outputs = mint(kind, plain(inputs))
        return pb.CreateResponse(id=identity, properties=encode_struct(with_outputs(kind, inputs, dict(outputs))))

    def update(self, request: pb.UpdateRequest) -> pb.UpdateResponse:
        """Keep the value; only what the engine itself tracks can have changed."""
        return pb.UpdateResponse(properties=request.olds)

    def read(self, request: pb.ReadRequest) -> pb.ReadResponse:
        """Return what the state holds: there is nothing outside it. Raises Failure on an import."""
        if not request.properties.fields:
            raise Failure("the lab's random stand-in cannot import; install the real random plugin for that")
        return pb.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def delete(self, request: pb.DeleteRequest) -> None:
        """Forget the value."""


if __name__ == "__main__":
    serve(RandomServicer)
