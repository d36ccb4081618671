"""What is changed through the administration's paths is written down, without what is secret."""

import asyncio
import hashlib
import json
from datetime import datetime
from typing import Any

import pytest

from components.gateway.edge import edge_configuration
from components.gateway.hooks.administration import DIGEST_LENGTH, AdministrationLog, Message, Receive, Scope, Send
from components.gateway.hooks.answers import TENANT_PREFIX
from components.gateway.hooks.parameters import PlatformParameters
from components.gateway.hooks.presence import Presences
from components.gateway.hooks.startup import wrap
from tests.unit.components.parts import GATEWAY

KEY = "sk-" + "a" * 48
HEADERS = [(b"authorization", b"Bearer sk-master"), (b"x-bulkhead-source", b"10.1.2.3")]


class LiteLLM:
    """An application that answers as the real one would, once it has read the request's body."""

    def __init__(self, status: int = 200, failure: Exception | None = None) -> None:
        self.status, self.failure, self.read = status, failure, b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            self.read += message.get("body", b"")
            more = message.get("more_body", False)
        if self.failure:
            raise self.failure
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps({"key": KEY}).encode()})


def call(
    path: str, body: object, application: LiteLLM | None = None, method: str = "POST", parts: int = 1
) -> tuple[list[str], list[Message]]:
    """The lines that one request leaves, and what its caller is sent."""
    lines: list[str] = []
    sent: list[Message] = []
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = -(-len(content) // parts) or 1
    waiting: list[Message] = [
        {"type": "http.request", "body": content[at : at + size], "more_body": at + size < len(content)}
        for at in range(0, max(len(content), 1), size)
    ]

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    layer = AdministrationLog(application or LiteLLM(), TENANT_PREFIX, lines.append)
    scope = {"type": "http", "method": method, "path": path, "query_string": b"key=sk-secret", "headers": HEADERS}
    asyncio.run(layer(scope, receive, send))
    return lines, sent


def entry(path: str, body: object, **others: Any) -> dict[str, Any]:
    (line,) = call(path, body, **others)[0]
    assert "\n" not in line
    return json.loads(line)


def test_a_change_is_one_line_with_its_time_source_path_outcome_and_whom_it_is_about() -> None:
    found = entry("/team/new", {"team_id": "research", "team_alias": "research", "max_budget": 500})
    moment = datetime.fromisoformat(found.pop("time"))

    assert moment.utcoffset() is not None
    assert found == {
        "log": "administration",
        "source": "10.1.2.3",
        "method": "POST",
        "path": "/team/new",
        "status": 200,
        "team_id": "research",
        "team_alias": "research",
    }


def test_a_refusal_is_told_with_its_status() -> None:
    assert entry("/key/block", {"key": KEY}, application=LiteLLM(401))["status"] == 401


def test_one_that_broke_off_is_told_and_fails_as_before() -> None:
    lines: list[str] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"team_id": "research"}', "more_body": False}

    async def send(message: Message) -> None:
        raise AssertionError("nothing was sent")

    layer = AdministrationLog(LiteLLM(failure=ValueError("broken")), TENANT_PREFIX, lines.append)
    scope = {"type": "http", "method": "POST", "path": "/team/update", "headers": HEADERS}
    with pytest.raises(ValueError, match="broken"):
        asyncio.run(layer(scope, receive, send))

    (line,) = lines
    assert (json.loads(line)["status"], json.loads(line)["team_id"]) == (0, "research")


@pytest.mark.parametrize("field", ["key", "token"])
def test_a_key_is_named_by_the_beginning_of_its_digest_alone(field: str) -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()

    for value in (KEY, digest):
        (line,) = call("/key/block", {field: value})[0]
        assert json.loads(line)["key_ids"] == [digest[:DIGEST_LENGTH]]
        assert value not in line


def test_nothing_of_a_body_but_names_is_written() -> None:
    body = {"key_alias": "research", "key": KEY, "metadata": {"note": "hidden"}, "models": ["hidden"], "user_id": KEY}
    (line,) = call("/key/generate", body)[0]

    assert json.loads(line)["key_alias"] == "research"
    assert not [secret for secret in (KEY, KEY[:12], "hidden", "sk-", "metadata", "Bearer", "secret") if secret in line]


def test_several_keys_are_all_named() -> None:
    assert len(entry("/key/delete", {"keys": [KEY, KEY + "b"]})["key_ids"]) == 2


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b"\xff", b'{"team_id": 7, "keys": [1, null]}'])
def test_a_body_that_names_nobody_leaves_a_line_all_the_same(body: bytes) -> None:
    assert set(entry("/team/update", body)) == {"log", "time", "source", "method", "path", "status"}


def test_a_key_that_is_no_text_leaves_a_line_all_the_same() -> None:
    assert len(entry("/team/update", b'{"team_id": "x", "key": "\\ud800"}')["key_ids"]) == 1


def test_what_reads_leaves_no_line() -> None:
    lines, sent = call("/key/list", b"", method="GET")

    assert not lines
    assert sent


def test_a_tenant_s_request_leaves_no_line() -> None:
    lines, sent = call("/v1/chat/completions", {"user_id": "somebody"})

    assert not lines
    assert sent


@pytest.mark.parametrize("parts", [1, 3])
def test_request_and_answer_pass_unchanged(parts: int) -> None:
    body = {"team_id": "research", "models": ["tiny"]}
    application = LiteLLM()
    lines, sent = call("/team/new", body, application, parts=parts)

    assert json.loads(application.read) == body
    assert json.loads(lines[0])["team_id"] == "research"
    assert json.loads(sent[1]["body"]) == {"key": KEY}


def test_it_stands_around_litellm_s_application(capsys: pytest.CaptureFixture[str]) -> None:
    class App:
        middleware_stack: Any = LiteLLM()

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"team_id": "research"}', "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    layers = wrap(App(), PlatformParameters([]), Presences(600), lambda error: False, lambda: True)
    scope = {"type": "http", "method": "POST", "path": "/team/new", "headers": HEADERS}
    asyncio.run(layers(scope, receive, send))

    assert json.loads(capsys.readouterr().out)["team_id"] == "research"


def test_the_edge_tells_who_calls_on_the_administration_s_port_alone() -> None:
    tenants, administration = edge_configuration(GATEWAY).split("  server {\n")[1:3]

    assert "proxy_set_header x-bulkhead-source $remote_addr;" in administration
    assert "x-bulkhead-source" not in tenants
