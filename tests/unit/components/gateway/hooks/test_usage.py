from typing import Any

import pytest

from components.gateway.hooks.usage import ask_for_usage, is_usage_alone

ASKED = {"include_usage": True}


@pytest.mark.parametrize(
    ("request_", "options"),
    [
        ({"stream": True}, ASKED),
        ({"stream": True, "stream_options": None}, ASKED),
        ({"stream": True, "stream_options": {"include_usage": False, "other": 1}}, {**ASKED, "other": 1}),
        ({"stream": True, "stream_options": "odd"}, "odd"),
        ({"stream": False}, None),
        ({}, None),
    ],
)
def test_a_stream_of_completions_ends_with_its_usage(request_: dict[str, Any], options: object) -> None:
    ask_for_usage("atext_completion", request_)
    assert request_.get("stream_options") == options


def test_the_callers_own_options_are_not_written_into() -> None:
    options = {"include_usage": False}
    ask_for_usage("atext_completion", {"stream": True, "stream_options": options})
    assert options == {"include_usage": False}


@pytest.mark.parametrize("call", ["acompletion", "aresponses", "anthropic_messages", "aembedding"])
def test_on_other_paths_nothing_is_asked(call: str) -> None:
    request: dict[str, Any] = {"stream": True}
    ask_for_usage(call, request)
    assert request == {"stream": True}


@pytest.mark.parametrize(
    "document",
    [
        '{"usage": {"total_tokens": 1}, "error": {"message": "it broke"}}',
        '{"usage": {"total_tokens": 1}, "choices": ["text"]}',
        '{"usage": {"total_tokens": 1}, "choices": 7}',
        '{"usage": {"total_tokens": 1}, "choices": {"0": {}}}',
        '{"usage": null, "choices": []}',
        '["usage"]',
        '"usage"',
        '{"usage": ' + "[" * 100_000,
    ],
)
def test_an_event_that_says_anything_else_or_is_odd_is_not_left_out(document: str) -> None:
    assert not is_usage_alone(b"data: " + document.encode())
