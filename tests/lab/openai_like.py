"""Requests to the gateway with a bearer key, each over a connection of its own and sent once."""

from collections.abc import Mapping
from typing import Any

import openai
import urllib3

SECONDS = 120


def client(gateway: str, key: str, *, retries: int = 0) -> openai.OpenAI:
    """The `openai` client with a key at a gateway's URL, which is without `/v1`; it shows every failure at once."""
    return openai.OpenAI(base_url=f"{gateway}/v1", api_key=key, max_retries=retries, timeout=SECONDS)


def answer(
    port: int,
    key: str,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    seconds: float = SECONDS,
    headers: Mapping[str, str] | None = None,
) -> urllib3.BaseHTTPResponse:
    """What one request is answered, whatever its status; `headers` come beside the key."""
    every = {**(headers or {}), "Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{port}{path}"
    return urllib3.request(method, url, json=body, headers=every, timeout=seconds, retries=False)


def status(port: int, key: str, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    """The HTTP status of one request."""
    return answer(port, key, method, path, body).status


def chat_status(port: int, key: str, model: str) -> int:
    """The HTTP status of one short chat completion."""
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
    return status(port, key, "POST", "/v1/chat/completions", body)
