"""Which parameters of a request are the platform's own. Pure.

LiteLLM takes its own settings from a request's body beside those of OpenAI's API: another key, address or provider for
the engine, headers to send there, how often to try again, mocks, callbacks, what to log. It refuses some of them and
obeys others, so what is LiteLLM's is refused by LiteLLM's own list of what that is.
"""

import json
from collections.abc import Iterable
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
        "timeout",
        "user_config",
    }
)
"""Refused whatever LiteLLM's list says: where a request goes, with whose credentials, and before whom.

`extra_body` is laid over the request last, so that anything could be said in it once more; clients that offer it, as
OpenAI's, send its content in the request itself.
"""


class PlatformParameters:
    """The names that no request of a tenant may bear.

    Args:
        owned: What LiteLLM calls its own (`litellm.types.utils.all_litellm_params`).
    """

    def __init__(self, owned: Iterable[str]) -> None:
        self._names = (frozenset(owned) | ALWAYS_REFUSED) - COMMON

    def refusal(self, content: bytes) -> Problem | None:
        """Why a request with this body is refused, or None.

        What LiteLLM would be lenient on is refused: what two readers understand differently gets by one of them.
        """
        try:
            found: object = json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError):
            return Situation.INVALID_JSON.value
        if not isinstance(found, dict):
            return Situation.INVALID_JSON.value
        document = cast("dict[str, Any]", found)
        own = sorted(name for name in document if self._is_ours(name))
        return not_allowed(own[0]) if own else None

    def _is_ours(self, name: str) -> bool:
        return name in self._names or name.startswith(("litellm_", "_"))
