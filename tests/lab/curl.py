"""`curl` as it comes, and each path of a tenant's as one would ask it by that."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from components.gateway.hooks.errors import ANTHROPIC_PATH
from tests.lab.answers import SECONDS, Answer
from tests.lab.platform import MODEL

Document = dict[str, Any]

ALL_IS_SAID = "data: [DONE]"


@dataclass(frozen=True)
class Way:
    """One path on which the lab's model answers.

    Attributes:
        path: The path.
        body: What is sent there with a prompt.
        text: The words in the document of a whole answer.
        ends: Whether the last event of a stream tells of its end; None where a line that is no event does.
    """

    path: str
    body: Callable[[str], Document]
    text: Callable[[Document], str]
    ends: Callable[[Document], bool] | None = None

    def asked(self, prompt: str = "hello", **more: Any) -> Document:
        """The body of a request."""
        return {"model": MODEL, **self.body(prompt), **more}

    def is_whole(self, stream: str) -> bool:
        """Whether a stream has come to its end."""
        lines = [line for line in stream.splitlines() if line.startswith("data:")]
        if self.ends is None:
            return lines[-1] == ALL_IS_SAID
        events = [json.loads(line.removeprefix("data:")) for line in lines if line != ALL_IS_SAID]
        return self.ends(events[-1])


def _said(prompt: str) -> list[Document]:
    return [{"role": "user", "content": prompt}]


def _text_of_response(document: Document) -> str:
    parts = (part for item in document["output"] if item["type"] == "message" for part in item["content"])
    return "".join(part["text"] for part in parts)


WAYS: Mapping[str, Way] = {
    "chat": Way(
        "/v1/chat/completions",
        lambda prompt: {"messages": _said(prompt), "max_tokens": 8},
        lambda document: document["choices"][0]["message"]["content"],
    ),
    "completions": Way(
        "/v1/completions",
        lambda prompt: {"prompt": prompt, "max_tokens": 8},
        lambda document: document["choices"][0]["text"],
    ),
    "responses": Way(
        "/v1/responses",
        lambda prompt: {"input": prompt, "max_output_tokens": 16},
        _text_of_response,
        lambda event: event["type"] in {"response.completed", "response.incomplete"},
    ),
    "messages": Way(
        ANTHROPIC_PATH,
        lambda prompt: {"messages": _said(prompt), "max_tokens": 16},
        lambda document: document["content"][0]["text"],
        lambda event: event["type"] == "message_stop",
    ),
}


def curl(gateway: str, key: str, path: str, body: Document | None = None) -> Answer:
    """One request, with the key in curl's configuration on standard input, where no list of processes shows it."""
    settings = [
        f'url = "{gateway}{path}"',
        # As each provider's own documentation has it.
        f'header = "x-api-key: {key}"' if path == ANTHROPIC_PATH else f'header = "Authorization: Bearer {key}"',
    ]
    if body is not None:
        settings += ['header = "Content-Type: application/json"', f"data = {json.dumps(json.dumps(body))}"]
    told = "%{stderr}%{http_code} %{header_json}"
    found = subprocess.run(
        ["curl", "--silent", "--no-buffer", "--config", "-", "--write-out", told],
        input="\n".join(settings) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    status, _, headers = found.stderr.partition(" ")
    named: dict[str, list[str]] = json.loads(headers)
    return Answer(int(status), {name.lower(): ", ".join(values) for name, values in named.items()}, found.stdout)
