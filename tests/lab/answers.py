"""What any HTTP client gets of the gateway, and what no answer to a tenant may say."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from components.gateway.hooks.errors import ANTHROPIC_TYPES
from tests.lab.platform import OTHER_TENANT, TENANT

SECONDS = 120
OK = 200
LEAKS = re.compile(
    r"(?i:litellm|vllm|bulkhead|\.svc|\.local\b|://|\b\d{1,3}(\.\d{1,3}){3}\b|traceback|site-packages|"
    r"\b[0-9a-f]{32,}\b|\bsk-|prisma|redis|postgres|uvicorn|deployment)|\b[A-Z]\w*(?:Error|Exception)\b"
)
"""Programs, addresses, paths, keys and their hashes, and Python's classes."""


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        status: The HTTP status.
        headers: By their names in lower case.
        text: The body.
    """

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def error(self) -> dict[str, Any]:
        """What the body says in OpenAI's shape."""
        return json.loads(self.text)["error"]


def send(
    gateway: str,
    key: str | None,
    body: object = None,
    *,
    path: str = "/v1/chat/completions",
    method: str = "POST",
    raw: bytes | None = None,
) -> Answer:
    """One request as any HTTP client would send it."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    content = raw if raw is not None else json.dumps(body).encode() if body is not None else None
    found = urllib3.request(
        method, f"{gateway}{path}", body=content, headers=headers, timeout=SECONDS, retries=False, redirect=False
    )
    return Answer(found.status, {name.lower(): value for name, value in found.headers.items()}, found.data.decode())


def until_refused(gateway: str, key: str, body: object) -> Answer:
    """Ask until there is no answer any more, and return the first one that is none.

    Raises:
        AssertionError: There still is one after ten seconds.
    """
    for _ in range(10):
        if (answer := send(gateway, key, body)).status != OK:
            return answer
        time.sleep(1)
    raise AssertionError("the limit did not bind")


def assert_tells_nothing(answer: Answer, *names: str, told: str = "") -> None:
    """Nothing of the platform or of `names`; `told` is the caller's own word, which may be said to it again."""
    said = answer.text + "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    text = answer.text.replace(told, "") if told else answer.text
    assert not LEAKS.search(text), answer.text
    assert not [name for name in names if name in said]
    assert not [name for name in answer.headers if name.startswith(("x-litellm", "llm_provider"))]


def assert_error(answer: Answer, status: int, code: str, *, told: str = "") -> None:
    """An error with this status and code, in OpenAI's shape, that tells nothing of the platform or its tenants."""
    assert (answer.status, answer.error.get("code")) == (status, code), answer.text
    assert set(json.loads(answer.text)) == {"error"}
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert answer.error["message"]
    assert answer.error["type"]
    assert_tells_nothing(answer, TENANT, OTHER_TENANT, told=told)


def assert_error_of_messages(answer: Answer, status: int) -> None:
    """The same in Anthropic's shape, which has no codes."""
    document = json.loads(answer.text)
    assert answer.status == status, answer.text
    assert (set(document), document["type"]) == ({"type", "error"}, "error")
    assert set(answer.error) == {"type", "message"}
    assert answer.error["type"] == ANTHROPIC_TYPES[status]
    assert answer.error["message"]
    assert_tells_nothing(answer, TENANT, OTHER_TENANT)
