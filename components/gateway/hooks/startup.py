"""Called by LiteLLM when a worker starts, through its `LITELLM_WORKER_STARTUP_HOOKS`, before it takes a request."""

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from .administration import AdministrationLog
from .answers import TENANT_PREFIX, TenantAnswers
from .callback import make_callback
from .database import judge_by_codes
from .errors import Problem
from .isolation import Isolation, read_domains
from .parameters import PlatformParameters
from .presence import Presences

DOMAINS_PATH_VARIABLE = "BULKHEAD_CACHE_DOMAINS"
"""Names the file that says who may share what an engine has computed."""
SALT_KEY_VARIABLE = "BULKHEAD_CACHE_SALT_KEY"
"""Holds what salts are made from."""
STREAM_SECONDS_VARIABLE = "BULKHEAD_STREAM_SECONDS"
"""How long a stream may take."""


def install() -> None:
    """Put layers around LiteLLM's application, scope caches, and have the database's failures judged by their codes.

    Raises:
        AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError: LiteLLM, or what the platform's program
            has written for this gateway, is not as this was written for. LiteLLM then does not start, rather than serve
            without.
    """
    litellm: Any = import_module("litellm")
    server: Any = import_module("litellm.proxy.proxy_server")
    handler: Any = import_module("litellm.proxy.db.exception_handler").PrismaDBExceptionHandler
    owned: Any = import_module("litellm.types.utils").all_litellm_params
    judge_by_codes(handler)
    callback = _isolation()
    litellm.callbacks.append(callback)
    parameters = PlatformParameters(owned)
    is_passing = handler.is_database_service_unavailable_error_in_chain
    is_guarded = lambda: any(each is callback for each in litellm.callbacks)  # noqa: E731 - two words long
    presences = Presences(float(os.environ[STREAM_SECONDS_VARIABLE]))
    server.app.middleware_stack = wrap(server.app, parameters, presences, is_passing, is_guarded)


def _isolation() -> Any:
    base: Any = import_module("litellm.integrations.custom_logger").CustomLogger
    exception: Any = import_module("fastapi").HTTPException

    def fail(problem: Problem, reason: str) -> Exception:
        return exception(status_code=problem.status, detail=reason)

    # Taken out of the environment: whatever prints it later prints no salt's key.
    key = os.environ.pop(SALT_KEY_VARIABLE, "").encode()
    domains = read_domains(Path(os.environ[DOMAINS_PATH_VARIABLE]).read_text(encoding="utf-8"))
    return make_callback(base, Isolation(domains, key), fail)


def wrap(
    app: Any,
    parameters: PlatformParameters,
    presences: Presences,
    is_passing: Callable[[Exception], bool],
    is_guarded: Callable[[], bool],
) -> TenantAnswers:
    """The layers around a Starlette application whose stack is built; it is when the first worker's lifespan begins.

    Raises:
        RuntimeError: The stack is not built, or is wrapped already.
    """
    stack = app.middleware_stack
    if stack is None or isinstance(stack, TenantAnswers):
        raise RuntimeError("LiteLLM's application is not at the point of its start where its answers can be wrapped")
    return TenantAnswers(AdministrationLog(stack, TENANT_PREFIX), parameters, presences, is_passing, is_guarded)
