"""The engine's own count of a stream's tokens, on the path where LiteLLM does not ask for it. Pure.

LiteLLM has an engine end every chat stream with its usage, and a stream of completions only where the caller wants
that; otherwise it charges by a tokenizer of its own (seen on LiteLLM 1.106.2). So the engine is asked always, and the
event that only then comes is kept from callers who have not asked: they read a text in each, and it has none.
"""

import json
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

PATH = "/v1/completions"
CALL = "atext_completion"
"""LiteLLM's name for a call of the path."""
OPTIONS = "stream_options"
OPTION = "include_usage"


def ask_for_usage(call: str, request: MutableMapping[str, Any]) -> None:
    """Have a stream of completions end with its usage; changed in place."""
    if call != CALL or not request.get("stream"):
        return
    options = request.get(OPTIONS)
    if options is None:
        request[OPTIONS] = {OPTION: True}
    elif isinstance(options, dict):
        # Anything else is no object, which the engine refuses.
        request[OPTIONS] = {**cast("dict[str, Any]", options), OPTION: True}


def is_unasked(path: str, request: Mapping[str, Any]) -> bool:
    """Whether the caller of a request gets a usage that it has not asked for."""
    if path != PATH:
        return False
    options = request.get(OPTIONS)
    return not (isinstance(options, dict) and cast("dict[str, Any]", options).get(OPTION))


def is_usage_alone(event: bytes) -> bool:
    """Whether a server-sent event tells the usage and nothing else."""
    if b'"usage"' not in event:
        return False
    try:
        found: object = json.loads(b"".join(line[5:] for line in event.split(b"\n") if line.startswith(b"data:")))
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, dict):
        return False
    document = cast("dict[str, Any]", found)
    choices: object = document.get("choices") or []
    if not document.get("usage") or "error" in document or not isinstance(choices, list):
        return False
    return not any(_says_something(choice) for choice in cast("list[object]", choices))


def _says_something(choice: object) -> bool:
    if not isinstance(choice, dict):
        return True
    # LiteLLM puts a choice without a text where an engine has none.
    return any(value is not None for name, value in cast("dict[str, Any]", choice).items() if name != "index")
