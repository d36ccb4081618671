"""An ASGI layer that writes down what is changed through the administration's paths, one line of JSON for each request.

LiteLLM's own audit log takes a licence. This one says when, from where, what and with which outcome, and names whom it
was about; it holds no key, no secret, and nothing of a body but these names. It needs the standard library alone.
"""

import hashlib
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, cast

SOURCE_HEADER = b"x-bulkhead-source"
"""By which the edge tells who has connected to it; it lets no caller's own through."""
READ_ONLY = frozenset({"GET", "HEAD", "OPTIONS"})
NAMES = ("key_alias", "team_alias", "team_id", "user_id")
"""What LiteLLM calls the ones that a request is about."""
KEYS = ("key", "keys", "token")
"""What holds keys, or the digests by which LiteLLM keeps them."""
LONGEST_NAME = 256
DIGEST = re.compile(r"[0-9a-f]{64}")
DIGEST_LENGTH = 16
KEY_PREFIX = "sk-"
"""What begins like this is a key, wherever it was written."""
LARGEST_BODY = 1_048_576
"""Of a larger body no names are read; the administration's are of some hundred bytes."""

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def to_standard_output(line: str) -> None:
    """Write a line where the container's log is taken from."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class AdministrationLog:
    """The layer around an ASGI application; it changes neither requests nor answers.

    Args:
        application: LiteLLM.
        tenant_prefix: What the paths begin with that are not the administration's.
        write: Takes each line.
    """

    def __init__(
        self, application: Application, tenant_prefix: str, write: Callable[[str], None] = to_standard_output
    ) -> None:
        self._application = application
        self._tenant_prefix = tenant_prefix
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] in READ_ONLY or scope["path"].startswith(self._tenant_prefix):
            await self._application(scope, receive, send)
            return
        begun = datetime.now(UTC)
        seen = bytearray()
        status = 0

        async def receive_and_read() -> Message:
            message = await receive()
            if message["type"] == "http.request" and len(seen) <= LARGEST_BODY:
                seen.extend(message.get("body", b""))
            return message

        async def send_and_read(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._application(scope, receive_and_read, send_and_read)
        finally:
            # A request that broke off is told as well, with status 0: what it has changed by then is changed.
            self._write(json.dumps(_entry(scope, begun, status, bytes(seen))))


def _entry(scope: Scope, begun: datetime, status: int, content: bytes) -> dict[str, Any]:
    source = next((value for name, value in scope["headers"] if name.lower() == SOURCE_HEADER), b"")
    return {
        "log": "administration",
        "time": begun.isoformat(timespec="milliseconds"),
        "source": source.decode("latin-1"),
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        **_named(content),
    }


def _named(content: bytes) -> dict[str, Any]:
    """Whom a request is about."""
    try:
        read: object = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(read, dict):
        return {}
    fields = cast("Mapping[str, Any]", read)
    found: dict[str, Any] = {name: fields[name][:LONGEST_NAME] for name in NAMES if _is_name(fields.get(name))}
    keys = [each for name in KEYS for each in _listed(fields.get(name)) if isinstance(each, str) and each]
    return {**found, **({"key_ids": [key_id(key) for key in keys]} if keys else {})}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and not value.startswith(KEY_PREFIX)


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def key_id(key: str) -> str:
    """The beginning of the digest that LiteLLM keeps of a key, and `/key/list` shows as `token`: enough to tell which.

    Args:
        key: The key, or that digest itself.
    """
    is_digest = DIGEST.fullmatch(key) is not None
    return (key if is_digest else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest())[:DIGEST_LENGTH]
