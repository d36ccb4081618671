"""Called by LiteLLM when a worker starts, through its `LITELLM_WORKER_STARTUP_HOOKS`, before it takes a request."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .answers import TenantAnswers
from .database import judge_by_codes
from .parameters import PlatformParameters


def install() -> None:
    """Put the layer around LiteLLM's application, and have it judge the database's failures by their codes.

    Raises:
        AttributeError, RuntimeError: LiteLLM is not as this was written for. It then does not start, rather than serve
            without.
    """
    server: Any = import_module("litellm.proxy.proxy_server")
    handler: Any = import_module("litellm.proxy.db.exception_handler").PrismaDBExceptionHandler
    owned: Any = import_module("litellm.types.utils").all_litellm_params
    judge_by_codes(handler)
    parameters = PlatformParameters(owned)
    server.app.middleware_stack = wrap(server.app, parameters, handler.is_database_service_unavailable_error_in_chain)


def wrap(app: Any, parameters: PlatformParameters, is_passing: Callable[[Exception], bool]) -> TenantAnswers:
    """The layer around a Starlette application whose stack is built; it is when the first worker's lifespan begins.

    Raises:
        RuntimeError: The stack is not built, or is wrapped already.
    """
    stack = app.middleware_stack
    if stack is None or isinstance(stack, TenantAnswers):
        raise RuntimeError("LiteLLM's application is not at the point of its start where its answers can be wrapped")
    return TenantAnswers(stack, parameters, is_passing)
