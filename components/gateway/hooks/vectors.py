"""What a request for vectors may not hold: what LiteLLM fails on, where an engine has computed them by then. Pure.

An engine writes vectors as bytes if it is asked to. LiteLLM reads every answer as JSON, so that it fails, has them
computed once more, and charges nothing. A stream of vectors it charges, and fails to send; an engine knows none. In an
empty list of tokens it looks for the first one (all seen on LiteLLM 1.106.2).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from .errors import Problem, Situation

PATH = "/v1/embeddings"
ENCODINGS = (None, "float", "base64")
"""How OpenAI's API writes vectors."""


def vectors_refusal(path: str, request: Mapping[str, Any]) -> Problem | None:
    """Why a request that asks this on `path` is refused, or None."""
    if path != PATH:
        return None
    if request.get("encoding_format") not in ENCODINGS:
        return _invalid("encoding_format", "The parameter encoding_format is neither float nor base64.")
    if request.get("stream"):
        return _invalid("stream", "Vectors are not streamed.")
    asked = request.get("input")
    if isinstance(asked, list) and [] in cast("list[object]", asked):
        return _invalid("input", "The parameter input holds an empty list.")
    return None


def _invalid(parameter: str, message: str) -> Problem:
    return replace(Situation.INVALID_REQUEST.value, message=message, param=parameter)
