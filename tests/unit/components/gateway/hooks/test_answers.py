import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from components.gateway.hooks import errors
from components.gateway.hooks.answers import Application, Message, Receive, Scope, Send, TenantAnswers, always
from components.gateway.hooks.parameters import PlatformParameters
from components.gateway.hooks.presence import Presences
from components.gateway.hooks.startup import wrap
from infra.blueprint.routes import COMPLETION_PATHS

CHAT = "/v1/chat/completions"
LEAK = "engine-tiny.bulkhead-engines.svc.cluster.local"
LITELLM_HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-litellm-model-api-base", LEAK.encode()),
    (b"llm_provider-server", b"uvicorn"),
    (b"X-LiteLLM-Call-Id", b"call-1"),
    (b"x-ratelimit-team-remaining-requests", b"7"),
]

EVENT_STREAM = b"text/event-stream"
AUTHORIZATION = (b"authorization", b"Bearer key")
REQUEST_HEADERS = [AUTHORIZATION, (b"accept-encoding", b"gzip"), (b"X-LiteLLM-Timeout", b"0.001"), (b"x-pass-a", b"b")]


def answering(status: int, *bodies: bytes, content_type: bytes = b"application/json") -> Application:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", content_type), *LITELLM_HEADERS[1:]]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for body in bodies[:-1]:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": bodies[-1] if bodies else b""})

    return application


def streaming(*events: bytes) -> Application:
    return answering(200, *events, b"", content_type=b"text/event-stream; charset=utf-8")


def call(
    application: Application,
    path: str = CHAT,
    content: tuple[bytes, ...] = (b'{"model":"tiny"}',),
    is_passing: Callable[[Exception], bool] = lambda error: False,
    headers: Sequence[tuple[bytes, bytes]] = REQUEST_HEADERS,
    *,
    is_guarded: Callable[[], bool] = always,
    method: str = "POST",
    presences: Callable[[], Presences] = lambda: Presences(600),
    stays: bool = False,
) -> list[Message]:
    sent: list[Message] = []
    whole = asyncio.Event()
    waiting: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number < len(content)}
        for number, part in enumerate(content, 1)
    ]

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        if stays:
            await whole.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            whole.set()

    scope: Scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}

    async def served() -> None:
        layer = TenantAnswers(application, PlatformParameters(["no-log"]), presences(), is_passing, is_guarded)
        await layer(scope, receive, send)

    asyncio.run(served())
    return sent


def status_of(sent: list[Message]) -> int:
    return sent[0]["status"]


def body_of(sent: list[Message]) -> bytes:
    return b"".join(message["body"] for message in sent[1:])


def code_of(sent: list[Message]) -> str:
    return json.loads(body_of(sent))["error"]["code"]


def test_an_answer_passes_unchanged_without_the_platforms_headers() -> None:
    sent = call(answering(200, b'{"choices":', b"[]}"))
    assert body_of(sent) == b'{"choices":[]}'
    assert dict(sent[0]["headers"]) == {
        b"content-type": b"application/json",
        b"x-ratelimit-remaining-requests": b"7",
        b"x-request-id": b"call-1",
    }


@pytest.mark.parametrize("declared", [b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=a", b""])
def test_a_body_reaches_litellm_as_what_it_was_judged_as(declared: bytes) -> None:
    """LiteLLM would read a form, and in it what the judgement of the JSON did not see."""
    seen: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await answering(200, b"{}")(scope, receive, send)

    call(application, headers=[AUTHORIZATION, (b"Content-Type", declared), (b"content-type", declared)])
    kinds = [value for name, value in seen[0]["headers"] if name.lower() == b"content-type"]
    assert kinds == [b"application/json"]
    assert AUTHORIZATION in seen[0]["headers"]


def test_an_error_in_several_parts_is_told_anew() -> None:
    sent = call(answering(500, b'{"detail": "', LEAK.encode(), b'"}'))
    assert status_of(sent) == 500
    assert code_of(sent) == "internal_error"
    assert LEAK.encode() not in b"".join(repr(message).encode() for message in sent)
    headers = dict(sent[0]["headers"])
    assert headers[b"content-length"] == str(len(body_of(sent))).encode()
    assert headers[b"x-request-id"] == b"call-1"


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff", b"[]", b'{"error": {"message": {"a": 1}, "code": []}}'])
def test_an_error_of_whatever_form_gets_the_shape(content: bytes) -> None:
    assert code_of(call(answering(500, content))) == "internal_error"


def test_a_failure_before_the_answer_is_a_neutral_error() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError(LEAK)

    sent = call(failing)
    assert (status_of(sent), code_of(sent)) == (500, "internal_error")
    assert LEAK.encode() not in body_of(sent)
    assert code_of(call(failing, is_passing=lambda error: isinstance(error, ValueError))) == "gateway_unavailable"


def test_a_failure_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError(LEAK)

    call(failing)
    assert "ValueError" in caplog.text
    assert LEAK not in caplog.text


def test_a_failure_after_a_whole_answer_changes_nothing() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await answering(500, b"{}")(scope, receive, send)
        raise ValueError(LEAK)

    assert code_of(call(late)) == "internal_error"


def test_events_pass_unchanged_wherever_they_are_cut() -> None:
    events = b'data: {"choices":[{"delta":{"content":"an \\"error\\""}}]}\n\n' * 3 + b"data: [DONE]\n\n"
    for cut in range(1, len(events), 7):
        assert body_of(call(streaming(events[:cut], events[cut:]))) == events


def test_an_event_is_sent_on_as_soon_as_it_is_whole() -> None:
    sent = call(streaming(b"data: 1\n\nda", b"ta: 2\n\n"))
    assert [message["body"] for message in sent[1:]] == [b"data: 1\n\n", b"data: 2\n\n", b""]


def test_an_error_after_the_first_token_is_told_anew() -> None:
    error = {"error": {"message": f"Hosted_vllmException - Connection error {LEAK}", "type": "None", "code": "500"}}
    first = b'data: {"choices":[]}\n\n'
    sent = body_of(call(streaming(first, b"data: " + json.dumps(error).encode() + b"\n\n")))
    assert sent.startswith(first)
    assert json.loads(sent[len(first) + 6 :])["error"]["code"] == "model_unavailable"
    assert LEAK.encode() not in sent


def test_a_stream_that_breaks_off_ends_with_an_error_in_the_shape() -> None:
    async def breaking(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        raise ConnectionError(LEAK)

    sent = call(breaking)
    assert json.loads(sent[-1]["body"][6:])["error"]["code"] == "internal_error"
    assert not sent[-1].get("more_body", False)


def test_a_failed_response_is_told_anew_inside_its_event() -> None:
    event: dict[str, Any] = {
        "type": "response.failed",
        "response": {"id": "resp_1", "error": {"code": "server_error", "message": LEAK}},
    }
    sent = body_of(call(streaming(b"data: " + json.dumps(event).encode() + b"\n\n"), path="/v1/responses"))
    found = json.loads(sent[6:])
    assert found["response"]["id"] == "resp_1"
    assert found["response"]["error"] == {
        "code": "internal_error",
        "message": "The gateway failed to handle the request.",
    }


def test_an_event_without_an_error_is_not_rewritten() -> None:
    event = b'data: {"type": "response.created", "response": {"error": null}}\n\n'
    assert body_of(call(streaming(event), path="/v1/responses")) == event


def test_the_administrations_answers_are_left_as_they_are() -> None:
    sent = call(answering(400, b'{"error": "already exists"}'), path="/team/new")
    assert body_of(sent) == b'{"error": "already exists"}'
    assert sent[0]["headers"][1] == LITELLM_HEADERS[1]


def test_a_refused_request_never_reaches_litellm() -> None:
    reached: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])

    sent = call(application, content=(b'{"no-', b'log": true}'))
    assert (status_of(sent), code_of(sent), reached) == (400, "parameter_not_allowed", [])
    assert code_of(call(application, content=(b"[1]",))) == "invalid_json"
    sent = call(application, "/v1/embeddings", content=(b'{"input": "hello", "encoding_format": "bytes"}',))
    assert (status_of(sent), code_of(sent), reached) == (400, "invalid_request", [])


@pytest.mark.parametrize("path", COMPLETION_PATHS)
@pytest.mark.parametrize("name", ["vllm_xargs", "request_id", "session_id"])
def test_what_names_a_request_to_the_engine_is_refused_on_every_path_in_its_api_s_shape(name: str, path: str) -> None:
    sent = call(answering(200, b"{}"), path=path, content=(json.dumps({"model": "tiny", name: "mine"}).encode(),))

    assert (status_of(sent), body_of(sent)) == (400, errors.body(errors.not_allowed(name), path))


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_nothing_reaches_litellm_while_what_scopes_caches_is_gone(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    reached: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await answering(200, b"{}")(scope, receive, send)

    sent = call(application, is_guarded=lambda: False, method=method)
    assert (status_of(sent), code_of(sent), reached) == (500, "internal_error", [])
    assert "RuntimeError" in caplog.text
    assert status_of(call(application, is_guarded=lambda: True, method=method)) == 200


def test_administration_goes_on_while_what_scopes_caches_is_gone() -> None:
    assert status_of(call(answering(200, b"{}"), "/team/info", is_guarded=lambda: False)) == 200


def test_litellm_reads_the_body_that_was_sent_without_the_headers_that_command_it() -> None:
    seen: list[Any] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([scope["headers"], await receive()])
        await answering(200, b"{}")(scope, receive, send)

    call(application, content=(b'{"model"', b':"tiny"}'))
    assert seen == [
        [AUTHORIZATION, (b"content-type", b"application/json")],
        {"type": "http.request", "body": b'{"model":"tiny"}', "more_body": False},
    ]


def until_left(*events: bytes, status: int = 200) -> Application:
    """As Starlette serves a stream: its sending ends once it is told that the caller has left."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if status == 200:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", EVENT_STREAM)]})
        for event in events:
            listening = asyncio.ensure_future(receive())
            await asyncio.wait([listening], timeout=0.01)
            if listening.done():
                break
            listening.cancel()
            await send({"type": "http.response.body", "body": event, "more_body": True})
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if status != 200:
            await answering(status, b'{"error": {"type": "client_disconnect"}}')(scope, receive, send)

    return application


def test_a_stream_whose_caller_has_left_runs_on_to_its_end() -> None:
    events = [b"data: %d\n\n" % number for number in range(5)]
    sent = call(until_left(*events))

    assert [message["body"] for message in sent[1:]] == [*events, b""]


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("path", [CHAT, "/v1/completions"])
def test_a_stream_ends_when_its_time_is_over_and_says_so(path: str, stays: bool) -> None:
    brief = lambda: Presences(0.1, spare=0)  # noqa: E731 - two words long
    sent = call(until_left(*[b"data: 1\n\n"] * 1000), path, presences=brief, stays=stays)

    assert 2 < len(sent) < 100
    assert json.loads(sent[-1]["body"][6:])["error"]["code"] == "timeout"
    assert not sent[-1].get("more_body", False)


def test_a_stream_of_completions_may_take_longer_so_that_litellm_ends_it_before() -> None:
    application = until_left(*[b"data: 1\n\n"] * 30)

    def lasting(spare: float) -> str:
        sent = call(application, "/v1/completions", presences=lambda: Presences(0.1, spare=spare), stays=True)
        return "timeout" if b"timeout" in body_of(sent) else "whole"

    assert [lasting(0), lasting(0.1), lasting(600)] == ["timeout", "timeout", "whole"]


@pytest.mark.parametrize("stays", [True, False])
def test_a_stream_that_has_not_begun_when_its_time_is_over_is_told_as_late(stays: bool) -> None:
    sent = call(until_left(*[b""] * 1000, status=499), presences=lambda: Presences(0.1), stays=stays)

    assert (status_of(sent), code_of(sent)) == (504, "timeout")


def test_litellm_is_told_at_once_that_the_time_is_over_when_it_asks_again() -> None:
    async def asked() -> list[str]:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        presence = Presences(0.05).begin(CHAT, b"{}", [], receive, lambda: False)
        told = [await presence.receive(), await presence.receive()]
        async with asyncio.timeout(0.02):
            told.append(await presence.receive())
        return [message["type"] for message in told]

    assert asyncio.run(asked()) == ["http.request", "http.disconnect", "http.disconnect"]


USAGE = b'data: {"id":"cmpl-1","choices":[{"index":0}],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
"""As LiteLLM writes it; vLLM's own has no choice at all."""
TOLD = b'data: {"id":"cmpl-1","choices":[{"text":"a"}],"usage":null}\n\n'
DONE = b"data: [DONE]\n\n"
STREAM = b'{"model":"tiny","stream":true}'
ASKING = b'{"model":"tiny","stream":true,"stream_options":{"include_usage":true}}'
NOT_ASKING = b'{"model":"tiny","stream":true,"stream_options":{"include_usage":false}}'


@pytest.mark.parametrize("content", [STREAM, NOT_ASKING])
@pytest.mark.parametrize("usage", [USAGE, USAGE.replace(b'{"index":0}', b"")])
def test_a_usage_that_nobody_asked_for_is_left_out_wherever_it_is_cut(content: bytes, usage: bytes) -> None:
    events = TOLD + usage + DONE
    for cut in range(1, len(events)):
        sent = call(streaming(events[:cut], events[cut:]), path="/v1/completions", content=(content,))
        assert body_of(sent) == TOLD + DONE


def test_a_usage_is_left_out_in_a_stream_without_an_end_of_its_own() -> None:
    sent = call(streaming(TOLD, USAGE.rstrip()), path="/v1/completions", content=(STREAM,))
    assert body_of(sent) == TOLD
    assert not sent[-1]["more_body"]


@pytest.mark.parametrize(("path", "content"), [("/v1/completions", ASKING), (CHAT, STREAM), ("/v1/responses", STREAM)])
def test_a_usage_is_kept_for_those_who_asked_and_on_other_paths(path: str, content: bytes) -> None:
    assert body_of(call(streaming(TOLD, USAGE + DONE), path=path, content=(content,))) == TOLD + USAGE + DONE


def test_a_text_that_looks_like_a_usage_is_no_usage() -> None:
    lookalike = b'data: {"choices":[{"text":"\\"usage\\": {}"}],"usage":{"total_tokens":1}}\n\ndata: ["usage"]\n\n'
    odd = b'data: {"usage"\n\ndata: {"choices":[{"index":0,"finish_reason":"stop"}],"usage":{"total_tokens":1}}\n\n'
    sent = call(streaming(lookalike + odd), path="/v1/completions", content=(STREAM,))
    assert body_of(sent) == lookalike + odd


class Callers:
    """Streams under way at one replica, which ends none before it is told to."""

    def __init__(self, most: int) -> None:
        self.ends = asyncio.Event()
        self.closes = asyncio.Event()
        self.statuses: list[int] = []
        self.messages: list[str] = []
        self._layer = TenantAnswers(self._serve, PlatformParameters([]), Presences(600, most=most))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", EVENT_STREAM)]})
        listening = asyncio.ensure_future(receive())
        await self.ends.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        await self.closes.wait()
        listening.cancel()

    async def ask(self, *headers: tuple[bytes, bytes], stays: bool = False) -> None:
        waiting: list[Message] = [{"type": "http.request", "body": b"{}"}]
        whole = asyncio.Event()

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            if stays:
                await whole.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])
            elif message["body"]:
                self.messages.append(json.loads(message["body"])["error"]["message"])
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                whole.set()

        await self._layer({"type": "http", "method": "POST", "path": CHAT, "headers": list(headers)}, receive, send)

    async def statuses_of(self, *requests: Sequence[tuple[bytes, bytes]], stays: bool = False) -> list[int]:
        """What new requests are answered with, of which none has to end."""
        before = len(self.statuses)
        asked = [asyncio.create_task(self.ask(*headers, stays=stays)) for headers in requests]
        await asyncio.sleep(0.05)
        found = self.statuses[before:]
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        return found


ANOTHER = (b"authorization", b"Bearer another")


def test_no_more_is_asked_with_a_key_whose_streams_run_on_for_nobody_until_one_has_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def served() -> tuple[list[int], list[int], list[str]]:
        callers = Callers(most=2)
        left = [asyncio.create_task(callers.ask(AUTHORIZATION)) for _ in range(2)]
        await asyncio.sleep(0.05)
        spellings = (
            [(b"Authorization", b"bearer   key")],
            [(b"authorization", b"Bearer made-up"), (b"x-api-key", b"key")],
        )
        refused = await callers.statuses_of(*spellings, [ANOTHER])
        callers.ends.set()
        callers.closes.set()
        await asyncio.gather(*left)
        return refused, await callers.statuses_of([(b"x-api-key", b"key")]), callers.messages

    refused, after, messages = asyncio.run(served())

    assert (refused, after) == ([429, 429, 200], [200])
    assert all("streams" in message for message in messages)
    assert "2 left streams" in caplog.text
    assert "Bearer" not in caplog.text


@pytest.mark.parametrize(
    "value",
    [
        b"AWS4-HMAC-SHA256 Credential=Bearer key/1, Signature=0a",
        b"Bearer kBearer ey",
        b"Basic key",
    ],
)
def test_a_key_in_a_spelling_that_only_litellm_knows_reaches_nothing(value: bytes) -> None:
    sent = call(answering(200, b"{}"), headers=[(b"authorization", value)])

    assert (status_of(sent), code_of(sent)) == (401, "invalid_api_key")


@pytest.mark.parametrize(("stays", "status"), [(True, 200), (False, 429)])
def test_a_stream_that_was_heard_to_its_end_is_not_left_while_litellm_closes_it(stays: bool, status: int) -> None:
    async def served() -> list[int]:
        callers = Callers(most=2)
        under_way = [asyncio.create_task(callers.ask(AUTHORIZATION, stays=stays)) for _ in range(2)]
        await asyncio.sleep(0.05)
        callers.ends.set()
        await asyncio.sleep(0.05)
        found = await callers.statuses_of([AUTHORIZATION])
        callers.closes.set()
        await asyncio.gather(*under_way)
        return found

    assert asyncio.run(served()) == [status]


class Starlette:
    middleware_stack: Any = None


def test_litellm_does_not_start_where_its_answers_cannot_be_wrapped() -> None:
    app = Starlette()
    parameters = PlatformParameters([])
    with pytest.raises(RuntimeError):
        wrap(app, parameters, Presences(600), lambda error: False, lambda: True)
    app.middleware_stack = answering(200)
    app.middleware_stack = wrap(app, parameters, Presences(600), lambda error: False, lambda: True)
    with pytest.raises(RuntimeError):
        wrap(app, parameters, Presences(600), lambda error: False, lambda: True)
