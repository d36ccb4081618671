"""Where LiteLLM calls the isolation of caches: a callback of its own kind.

LiteLLM calls a callback's method only where the class itself defines it, and passes what it raises on to the caller.
"""

import logging
from collections.abc import Callable
from typing import Any

from .errors import Problem, Situation
from .isolation import Isolation, RefusedError
from .usage import ask_for_usage

Fail = Callable[[Problem, str], Exception]
"""Makes the exception that LiteLLM answers with a problem's status, from the problem and a reason for the log."""

logger = logging.getLogger(__name__)


def make_callback(base: type[Any], isolation: Isolation, fail: Fail) -> Any:
    """An instance of a subclass of LiteLLM's `CustomLogger`.

    Args:
        base: `litellm.integrations.custom_logger.CustomLogger`.
        isolation: The judgement.
        fail: How LiteLLM is told of a refusal.
    """

    def judged(judge: Callable[[], Any]) -> Any:
        """What `judge` says; whatever else goes wrong in it refuses the request as well."""
        try:
            return judge()
        except RefusedError as refusal:
            logger.warning("A request was refused: %s", refusal)
            raise fail(refusal.problem, str(refusal)) from None
        except Exception as error:
            # Without the error's text, which may quote the request.
            logger.error("The isolation of caches failed with %s", type(error).__name__)
            raise fail(Situation.INTERNAL.value, "the isolation of caches failed") from None

    class CacheIsolation(base):
        """Scopes prefix caches to tenants."""

        async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: Any, call_type: str) -> Any:
            """Called with the request as the caller sent it."""
            judged(lambda: isolation.begin(user_api_key_dict.team_id, call_type, data))
            judged(lambda: ask_for_usage(call_type, data))
            return data

        async def async_filter_deployments(
            self,
            model: str,
            healthy_deployments: Any,
            messages: Any,
            request_kwargs: Any = None,
            parent_otel_span: Any = None,
        ) -> Any:
            """Called with a model's engines, before one is chosen."""
            return judged(lambda: isolation.choose(healthy_deployments))

        async def async_pre_call_deployment_hook(self, kwargs: Any, call_type: Any) -> Any:
            """Called with the request right before it is sent."""
            judged(lambda: isolation.verify(kwargs))
            judged(lambda: isolation.sign(kwargs))
            return kwargs

    return CacheIsolation()
