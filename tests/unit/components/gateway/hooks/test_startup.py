"""What is in place before LiteLLM takes a request, and that it takes none once what scopes caches is gone."""

import asyncio
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from components.gateway.hooks.answers import Message, Receive, Scope, Send
from components.gateway.hooks.salts import derive_salt
from components.gateway.hooks.startup import (
    DOMAINS_PATH_VARIABLE,
    SALT_KEY_VARIABLE,
    STREAM_SECONDS_VARIABLE,
    install,
)

KEY = "k" * 48
ENGINE = "http://engine-llama:8000/v1"
DOMAINS = {"engines": {ENGINE: {"model": "llama", "tenant": None}}, "isolated": ["llama"]}


class CustomLogger:
    """LiteLLM's, which its callbacks have to be of."""


class HTTPException(Exception):  # noqa: N818 - FastAPI's name
    def __init__(self, status_code: int, detail: str) -> None:
        super().__init__(detail)
        self.status_code = status_code


class Handler:
    @staticmethod
    def is_database_transport_error(error: Exception) -> bool:
        return False

    is_database_connection_error = is_prisma_data_error = is_database_transport_error
    is_database_service_unavailable_error_in_chain = is_database_transport_error

    @staticmethod
    def postgres_sqlstate(error: Exception) -> str | None:
        return None


class Server:
    """LiteLLM's application, which answers whatever reaches it."""

    def __init__(self) -> None:
        self.middleware_stack: Any = self._answer
        self.reached: list[str] = []

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class LiteLLM:
    """What the hook finds of LiteLLM when a worker starts."""

    def __init__(self) -> None:
        self.app = Server()
        self.callbacks: list[Any] = ["somebody else's"]

    def modules(self) -> dict[str, dict[str, Any]]:
        return {
            "litellm": {"callbacks": self.callbacks},
            "litellm.proxy.proxy_server": {"app": self.app},
            "litellm.proxy.db.exception_handler": {"PrismaDBExceptionHandler": type("Fresh", (Handler,), {})},
            "litellm.types.utils": {"all_litellm_params": ["no-log"]},
            "litellm.integrations.custom_logger": {"CustomLogger": CustomLogger},
            "fastapi": {"HTTPException": HTTPException},
        }

    def status(self, method: str = "POST") -> int:
        """What a tenant's request is answered with."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b'{"model": "llama"}', "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {"type": "http", "method": method, "path": "/v1/chat/completions", "headers": []}
        asyncio.run(self.app.middleware_stack(scope, receive, send))
        return sent[0]["status"]


@pytest.fixture
def litellm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LiteLLM:
    found = LiteLLM()
    for name, content in found.modules().items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    domains = tmp_path / "domains.json"
    domains.write_text(json.dumps(DOMAINS), encoding="utf-8")
    monkeypatch.setenv(DOMAINS_PATH_VARIABLE, str(domains))
    monkeypatch.setenv(SALT_KEY_VARIABLE, KEY)
    monkeypatch.setenv(STREAM_SECONDS_VARIABLE, "600")
    return found


def test_the_callback_is_one_of_litellm_s_and_salts_with_the_key_for_the_models_that_are_isolated(
    litellm: LiteLLM,
) -> None:
    install()
    (_, callback) = litellm.callbacks
    request = {"model": "llama", "cache_salt": "theirs"}
    key = type("Key", (), {"team_id": "team-a"})
    asyncio.run(callback.async_pre_call_hook(key, None, request, "acompletion"))

    assert isinstance(callback, CustomLogger)
    assert request == {"model": "llama", "extra_body": {"cache_salt": derive_salt(KEY.encode(), "team-a", "llama")}}


def test_a_refusal_reaches_litellm_with_the_status_that_its_caller_gets(litellm: LiteLLM) -> None:
    install()
    (_, callback) = litellm.callbacks
    nobody = type("Key", (), {"team_id": None})

    with pytest.raises(HTTPException) as refusal:
        asyncio.run(callback.async_pre_call_hook(nobody, None, {"model": "llama"}, "acompletion"))
    assert refusal.value.status_code == 403


def test_the_key_of_the_salts_is_not_left_in_the_environment(litellm: LiteLLM) -> None:
    install()

    assert SALT_KEY_VARIABLE not in os.environ


@pytest.mark.parametrize("key", [None, "", "k" * 31])
def test_litellm_does_not_start_without_a_key_that_is_a_secret(
    litellm: LiteLLM, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    if key is None:
        monkeypatch.delenv(SALT_KEY_VARIABLE)
    else:
        monkeypatch.setenv(SALT_KEY_VARIABLE, key)

    with pytest.raises(ValueError, match="key of the cache salts"):
        install()
    assert litellm.callbacks == ["somebody else's"]


@pytest.mark.parametrize("missing", [DOMAINS_PATH_VARIABLE, STREAM_SECONDS_VARIABLE])
def test_litellm_does_not_start_where_nobody_says_who_may_share_what_or_how_long_a_stream_may_take(
    litellm: LiteLLM, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)

    with pytest.raises(KeyError):
        install()


def test_requests_are_served_while_the_callback_is_in_litellm_s_list(litellm: LiteLLM) -> None:
    install()

    assert litellm.status() == 200


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_every_request_is_refused_once_the_callback_has_left_litellm_s_list(litellm: LiteLLM, method: str) -> None:
    install()
    litellm.callbacks.pop()

    assert litellm.status(method) == 500
    assert litellm.app.reached == []


class Equal:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


def test_a_callback_that_merely_equals_the_installed_one_is_another(litellm: LiteLLM) -> None:
    install()
    litellm.callbacks[-1] = Equal()

    assert litellm.status() == 500
