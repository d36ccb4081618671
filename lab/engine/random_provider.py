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

from lab.engine.made_once import MadeOnceServicer
from lab.engine.plugins import RANDOM
from lab.engine.plumbing import Failure, serve
from lab.engine.values import Value

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


class RandomServicer(MadeOnceServicer):
    """The stand-in's service; any changed argument draws a new value."""

    package: ClassVar[str] = "random"
    version: ClassVar[str] = RANDOM.version
    outputs: ClassVar[Mapping[str, Mapping[str, bool]]] = OUTPUTS

    def mint(self, kind: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Value]]:
        """Draw a new value."""
        return mint(kind, arguments)


if __name__ == "__main__":
    serve(RandomServicer)
