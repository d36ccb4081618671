"""Requests to the gateway as a tenant's client would send them, reduced to their status."""

from typing import Any

import urllib3

SECONDS = 120


def status(port: int, key: str, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    """The HTTP status of one request with a bearer key."""
    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{port}{path}"
    return urllib3.request(method, url, json=body, headers=headers, timeout=SECONDS, retries=False).status


def chat_status(port: int, key: str, model: str) -> int:
    """The HTTP status of one short chat completion."""
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
    return status(port, key, "POST", "/v1/chat/completions", body)
