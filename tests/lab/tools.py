"""A tool that a caller offers, its calls, and a conversation and an answer that hold some."""

import uuid
from typing import Any

from tests.lab.platform import MODEL
from tests.lab.recorder import Canned

Document = dict[str, Any]

FUNCTION: Document = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


def call(identifier: str, arguments: str) -> Document:
    """A whole call of the tool."""
    return {"id": identifier, "type": "function", "function": {"name": "weather", "arguments": arguments}}


CALL = call("call_1", "{}")
CONVERSATION: list[Document] = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]

CALLS = (call("chatcmpl-tool-1", '{"place": "Ærø", "on error": "failed"}'), call("chatcmpl-tool-2", '{"days": 3}'))
"""Two at once. What the first one is given looks like an error, for which the gateway looks in every event."""
PIECES: tuple[Document, ...] = (
    {"index": 0, **call("chatcmpl-tool-1", "")},
    {"index": 0, "function": {"arguments": '{"place": "Æ'}},
    {"index": 0, "function": {"arguments": 'rø", "on error": '}},
    {"index": 0, "function": {"arguments": '"failed"}'}},
    {"index": 1, **call("chatcmpl-tool-2", "")},
    {"index": 1, "function": {"arguments": '{"days": 3}'}},
)
"""The same two as a stream carries them: name and id once, the arguments bit by bit."""
USAGE = {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32}
REASON = "tool_calls"


def calling() -> Canned:
    """The answer of an engine whose model calls the tool twice, as vLLM writes it."""
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": list(CALLS)}
    whole = [{"index": 0, "message": message, "logprobs": None, "finish_reason": REASON}]
    begins: Document = {"role": "assistant", "content": ""}
    counted: Document = {"choices": [], "usage": USAGE}
    pieces = [_choices({"tool_calls": [piece]}) for piece in PIECES]
    chunks = [_choices(begins), *pieces, _choices({}, REASON), counted]
    stream = _head("chat.completion.chunk")
    return Canned(
        {**_head("chat.completion"), "choices": whole, "usage": USAGE},
        tuple({**stream, **chunk} for chunk in chunks),
    )


def _head(kind: str) -> Document:
    """What stands above the choices. The gateway keeps one answer of each id in its books, so that each has its own."""
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": 1, "model": MODEL}


def _choices(delta: Document, reason: str | None = None) -> Document:
    return {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
