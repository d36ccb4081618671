"""Which parameters of a request are the platform's own. Pure.

LiteLLM takes its own settings from a request's body beside those of OpenAI's API: another key, address or provider for
the engine, headers to send there, how often to try again, mocks, callbacks, what to log. It refuses some of them and
obeys others, so what is LiteLLM's is refused by LiteLLM's own list of what that is.

Within what is asked, one name is the platform's as well: vLLM takes the `uuid` of an image, video or sound as the key
of its caches, one for all callers, and a medium that is named and not sent is answered from there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from .errors import Problem, Situation, not_allowed

COMMON = frozenset({"metadata"})
"""What LiteLLM and OpenAI's API both know."""
ALWAYS_REFUSED = frozenset(
    {
        "api_base",
        "api_key",
        "base_url",
        "custom_llm_provider",
        "ec_transfer_params",
        "extra_body",
        "extra_headers",
        "headers",
        "kv_transfer_params",
        "mock_response",
        "num_retries",
        "priority",
        "request_id",
        "session_id",
        "timeout",
        "user_config",
        "vllm_xargs",
    }
)
"""Refused whatever LiteLLM's list says: where a request goes, with whose credentials, before whom, and under what name.

`extra_body` is laid over the request last, so that anything could be said in it once more; clients that offer it, as
OpenAI's, send its content in the request itself. `vllm_xargs` is its like within vLLM, which reads the parameters of a
transfer there as well.

`request_id` and `session_id` are one namespace for all callers of an engine. It answers under the first, and of answers
under one name LiteLLM's log of spending keeps the first alone. In `metadata` both are the caller's own.
"""

ASKED = ("input", "messages", "previous_input_messages", "prompt", "system")
"""Where the parts of what is asked stand, on any path. Elsewhere a tool or a schema may well know a `uuid`."""
MEDIA_KEY = "uuid"
TOOL_CALL = "tool_use"
"""A part that tells of a call of a tool, whose `input` is the tool's own document and no content."""


STREAM = "stream"
"""LiteLLM streams where it is `true` alone, and an engine takes `1` and `"yes"` for it as well: LiteLLM would then fail
to read the answer, after it was computed."""
_NO_BOOLEAN = replace(
    Situation.INVALID_REQUEST.value, message="The parameter stream is neither true nor false.", param=STREAM
)


def read_request(content: bytes) -> dict[str, Any] | None:
    """The document in a request's body; None where it is no JSON object.

    What LiteLLM would be lenient on is refused: what two readers understand differently gets by one of them.
    """
    try:
        found: object = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


class PlatformParameters:
    """The names that no request of a tenant may bear.

    Args:
        owned: What LiteLLM calls its own (`litellm.types.utils.all_litellm_params`).
    """

    def __init__(self, owned: Iterable[str]) -> None:
        self._names = (frozenset(owned) | ALWAYS_REFUSED) - COMMON

    def refusal(self, document: Mapping[str, Any]) -> Problem | None:
        """Why a request with this body is refused, or None."""
        own = sorted(name for name in document if self._is_ours(name))
        if own:
            return not_allowed(own[0])
        if not isinstance(document.get(STREAM), bool | None):
            return _NO_BOOLEAN
        return not_allowed(MEDIA_KEY) if any(_names_media(document.get(name)) for name in ASKED) else None

    def _is_ours(self, name: str) -> bool:
        return name in self._names or name.startswith(("litellm_", "_"))


def _names_media(asked: object) -> bool:
    """Whether a part at any depth bears a key for the caches, however it is written."""
    waiting = [asked]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(cast("list[object]", found))
        elif isinstance(found, dict):
            part = cast("dict[str, object]", found)
            if any(name.casefold() == MEDIA_KEY for name in part):
                return True
            tool_call = part.get("type") == TOOL_CALL
            waiting.extend(value for name, value in part.items() if not (tool_call and name == "input"))
    return False
