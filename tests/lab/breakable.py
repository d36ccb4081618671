"""Mounted beside the gateway's hooks by a test: whichever of their callbacks and judgements a file names raises.

Needs the standard library alone, as they do.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

MODULE = "breakable"
SWITCH = "/tmp/broken"  # noqa: S108 - a volume of the pod's own
"""Holds the name of what raises; nothing does while it is not there."""
JUDGEMENTS = ("begin", "choose", "verify", "sign")
"""Of the isolation of caches, which its callback asks."""
CALLBACKS = ("async_pre_call_hook", "async_filter_deployments", "async_pre_call_deployment_hook")
"""Of the callback itself, which LiteLLM calls."""
INSTALLED = f"\n\nfrom .{MODULE} import breakable\n\nmake_callback = breakable(make_callback)\n"
"""Written at the end of the module that makes the callback."""


def breakable(make: Callable[..., Any]) -> Callable[..., Any]:
    """What makes the same callback as `make`, with all of it under the switch."""

    def made(base: Any, isolation: Any, fail: Any) -> Any:
        for name in JUDGEMENTS:
            setattr(isolation, name, _judgement(name, getattr(isolation, name)))
        callback = make(base, isolation, fail)
        kind = cast("Any", type(callback))
        for name in CALLBACKS:
            setattr(kind, name, _callback(name, getattr(kind, name)))
        return callback

    return made


def _judgement(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def judge(*given: Any, **named: Any) -> Any:
        _raise_if_broken(name)
        return method(*given, **named)

    return judge


def _callback(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*given: Any, **named: Any) -> Any:
        _raise_if_broken(name)
        return await method(*given, **named)

    return call


def _raise_if_broken(name: str) -> None:
    switch = Path(SWITCH)
    if switch.is_file() and switch.read_text(encoding="utf-8") == name:
        raise RuntimeError("broken on purpose")
