"""An ASGI layer around all of LiteLLM: what a tenant asks for and what it sees is what a tenant may.

It is the one place that every answer passes, whatever route, exception handler or half-finished stream it comes from.
Errors get the shape and words of `errors`; headers that tell of the platform's inside are dropped. An answer that the
layer itself fails on becomes a neutral error: it fails closed. Requests with parameters that are the platform's own are
refused before LiteLLM reads them. That a caller has left is kept from LiteLLM, which would charge less for it than for
one who stays. The administration's paths are left as they are.
"""

import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, cast

from . import errors
from .errors import Problem, Situation
from .keys import in_one_spelling
from .parameters import PlatformParameters, read_request
from .presence import Presences
from .usage import is_unasked, is_usage_alone
from .vectors import vectors_refusal

TENANT_PREFIX = "/v1/"
WITH_BODY = frozenset({"PATCH", "POST", "PUT"})
LARGEST_ERROR_BYTES = 1_048_576
EVENT_END = b"\n\n"

DROPPED_PREFIXES = (b"litellm-", b"x-litellm-", b"x-mcp-", b"x-pass-")
"""Request headers by which LiteLLM lets a caller choose time limits, retries, tags, and what to send on."""
KEPT_HEADERS = frozenset(
    {
        b"cache-control",
        b"content-length",
        b"content-type",
        b"retry-after",
        b"vary",
        b"x-accel-buffering",
        b"x-content-type-options",
        b"x-frame-options",
    }
)
"""Everything else is LiteLLM's or an engine's own: the engine's address, the spend of the key, versions."""
REQUEST_ID = b"x-litellm-call-id"

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

logger = logging.getLogger(__name__)


def never(error: Exception) -> bool:
    """No error is a passing one."""
    return False


def always() -> bool:
    """Nothing is missing."""
    return True


class TenantAnswers:
    """The layer around an ASGI application.

    Args:
        application: LiteLLM.
        parameters: What no request may ask for.
        presences: Who waits for an answer.
        is_passing: Whether an unhandled error tells of something that will be back, as the database.
        is_guarded: Whether what scopes caches to tenants is still in place.
    """

    def __init__(
        self,
        application: Application,
        parameters: PlatformParameters,
        presences: Presences,
        is_passing: Callable[[Exception], bool] = never,
        is_guarded: Callable[[], bool] = always,
    ) -> None:
        self._application = application
        self._parameters = parameters
        self._presences = presences
        self._is_passing = is_passing
        self._is_guarded = is_guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not str(scope["path"]).startswith(TENANT_PREFIX):
            await self._application(scope, receive, send)
            return
        answer = _Answer(str(scope["path"]), send)
        headers = in_one_spelling(pair for pair in scope["headers"] if not _is_dropped(pair[0].lower()))
        plain = {**scope, "headers": headers}
        try:
            if not self._is_guarded():
                raise RuntimeError("what scopes caches to tenants is gone")
            if headers is None:
                await answer.fail(Situation.NO_KEY.value)
            elif scope["method"] in WITH_BODY:
                await self._take(plain, receive, answer)
            else:
                await self._application(plain, receive, answer.send)
        except Exception as error:
            _log(error)
            if not answer.ended:
                passing = self._is_passing(error)
                await answer.fail((Situation.GATEWAY_UNAVAILABLE if passing else Situation.INTERNAL).value)

    async def _take(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        """Serve a request with a body."""
        content = await _whole_body(receive)
        if content is None:
            return
        pairs: list[Header] = scope["headers"]
        document = read_request(content)
        if document is None:
            await answer.fail(Situation.INVALID_JSON.value)
            return
        refusal = (
            self._parameters.refusal(document)
            or vectors_refusal(scope["path"], document)
            or self._presences.refusal(pairs)
        )
        if refusal:
            await answer.fail(refusal)
            return
        scope["headers"] = _as_json(pairs)
        answer.hides_usage = is_unasked(scope["path"], document)
        presence = self._presences.begin(scope["path"], content, pairs, receive, lambda: answer.ended)
        try:
            await self._application(scope, presence.receive, answer.send)
        finally:
            presence.end()
        if presence.is_over and not answer.ended:
            await answer.fail(Situation.TIMED_OUT.value)


def _is_dropped(name: bytes) -> bool:
    # A compressed answer could not be read here; the edge may compress.
    return name == b"accept-encoding" or name.startswith(DROPPED_PREFIXES)


def _as_json(pairs: Iterable[Header]) -> list[Header]:
    """Headers that call the body what it was judged as; LiteLLM would read a form if the caller said that it is one."""
    others = [pair for pair in pairs if pair[0].lower() != b"content-type"]
    return [*others, (b"content-type", b"application/json")]


async def _whole_body(receive: Receive) -> bytes | None:
    """The request's body; None when the caller has gone."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(bytes(message.get("body", b"")))
        if not message.get("more_body", False):
            return b"".join(parts)


def _log(error: Exception) -> None:
    """What failed and where, without the error's text, which may quote a prompt."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("A request failed with %s\n%s", type(error).__name__, frames)


class _Answer:
    """One answer on its way out.

    Attributes:
        ended: Whether nothing more may be sent.
        hides_usage: Whether its caller has not asked for the usage that its stream tells.
    """

    def __init__(self, path: str, send: Send) -> None:
        self._path = path
        self._send = send
        self._start: Message | None = None
        self._started = False
        self._is_stream = False
        self._held = b""
        self.ended = False
        self.hides_usage = False

    async def send(self, message: Message) -> None:
        """Take a message from LiteLLM; raises nothing of its own making."""
        if self.ended:
            return
        if message["type"] == "http.response.start":
            await self._take_start(message)
        elif message["type"] == "http.response.body":
            await self._take_body(message)
        else:
            await self._send(message)

    async def fail(self, problem: Problem) -> None:
        """End the answer with an error, in whatever state it is."""
        self.ended = True
        if not self._started:
            content = errors.body(problem, self._path)
            pairs = [(name.encode(), value.encode()) for name, value in errors.headers(problem).items()]
            pairs.append((b"content-length", str(len(content)).encode()))
            pairs.extend(_request_id(self._start["headers"] if self._start else ()))
            await self._send({"type": "http.response.start", "status": problem.status, "headers": pairs})
            await self._send({"type": "http.response.body", "body": content})
        elif self._is_stream:
            await self._send({"type": "http.response.body", "body": errors.event(problem, self._path)})
        else:
            # A body that has begun cannot be taken back; cutting it short is what tells.
            raise ConnectionError("the answer broke off")

    async def _take_start(self, message: Message) -> None:
        self._start = message
        if message["status"] >= 400:
            return
        self._is_stream = _header(message["headers"], b"content-type").startswith(b"text/event-stream")
        self._started = True
        await self._send({**message, "headers": kept(message["headers"])})

    async def _take_body(self, message: Message) -> None:
        content, more = bytes(message.get("body", b"")), bool(message.get("more_body", False))
        if not self._started:
            await self._take_error(content, more)
        elif self._is_stream:
            await self._take_events(content, more)
        else:
            self.ended = not more
            await self._send(message)

    async def _take_error(self, content: bytes, more: bool) -> None:
        self._held += content
        if more and len(self._held) <= LARGEST_ERROR_BYTES:
            return
        status, pairs = (self._start["status"], self._start["headers"]) if self._start else (500, ())
        await self.fail(_explain(status, self._held, pairs, self._path))

    async def _take_events(self, content: bytes, more: bool) -> None:
        whole, _, rest = (self._held + content).rpartition(EVENT_END)
        self._held = rest
        ready = b"".join(self._event(part) for part in whole.split(EVENT_END)) if whole else b""
        if not more:
            ready, self.ended = ready + (self._event(rest) if rest.strip() else b""), True
        if ready or not more:
            await self._send({"type": "http.response.body", "body": ready, "more_body": more})

    def _event(self, part: bytes) -> bytes:
        return b"" if self.hides_usage and is_usage_alone(part) else _event(part, self._path)


def _explain(status: int, content: bytes, pairs: Iterable[Header], path: str) -> Problem:
    try:
        try:
            found: object = json.loads(content)
        except ValueError:
            found = content.decode(errors="replace")
        wait = _header(pairs, b"retry-after")
        return errors.explain(errors.read(status, found), path, int(wait) if wait.isdigit() else None)
    except Exception as error:  # an error that cannot be told apart is told as none of them
        _log(error)
        return Situation.INTERNAL.value


def _event(part: bytes, path: str) -> bytes:
    """One server-sent event, as it is unless it tells of an error."""
    if b"error" not in part and b"failed" not in part:
        return part + EVENT_END
    try:
        lines = part.split(b"\n")
        data = b"".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
        if not data.startswith(b"{"):
            return part + EVENT_END
        found = json.loads(data)
        changed = _without_platform(found, path)
        if changed is found:
            return part + EVENT_END
        others = [line for line in lines if not line.startswith(b"data:")]
        return b"\n".join([*others, b"data: " + json.dumps(changed, separators=(",", ":")).encode()]) + EVENT_END
    except Exception as error:
        _log(error)
        return errors.event(Situation.INTERNAL.value, path)


def _without_platform(found: dict[str, Any], path: str) -> dict[str, Any]:
    """The event's document with its error told anew; the very same document where there is none."""
    if found.get("error") or found.get("type") == "error":
        problem = errors.explain(errors.read(200, found), path)
        shaped = errors.document(problem, path)
        if found.get("type") == "error" and path != errors.ANTHROPIC_PATH:
            # The responses API has an event of its own for it.
            number = found.get("sequence_number", 0)
            return {"type": "error", **shaped["error"], "sequence_number": number, **shaped}
        return shaped
    response: Any = found.get("response")
    inner = cast("dict[str, Any]", response) if isinstance(response, dict) else {}
    if inner.get("error"):
        problem = errors.explain(errors.read(200, inner), path)
        return {**found, "response": {**inner, "error": {"code": problem.code, "message": problem.message}}}
    return found


def kept(pairs: Iterable[Header]) -> list[Header]:
    """The headers that a tenant may see, its limits under the names that OpenAI gives them."""
    found: dict[bytes, Header] = {}
    for name, value in pairs:
        lower = name.lower()
        if lower in KEPT_HEADERS:
            found.setdefault(lower, (lower, value))
        elif lower.startswith(b"x-ratelimit-"):
            usual = lower.replace(b"-team-", b"-").replace(b"-key-", b"-").replace(b"-api_key-", b"-")
            found.setdefault(usual, (usual, value))
    return [*found.values(), *_request_id(pairs)]


def _request_id(pairs: Iterable[Header]) -> list[Header]:
    """What the caller may quote and the operators find in their logs."""
    value = _header(pairs, REQUEST_ID)
    return [(b"x-request-id", value)] if value else []


def _header(pairs: Iterable[Header], name: bytes) -> bytes:
    return next((value for found, value in pairs if found.lower() == name), b"")
