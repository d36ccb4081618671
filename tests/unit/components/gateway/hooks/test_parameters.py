import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.hooks.parameters import ALWAYS_REFUSED, PlatformParameters, read_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uuid", "type", "a"]), inner),
)
PARAMETERS = PlatformParameters(["metadata", "no-log", "max_retries"])


def refused(document: object) -> str | None:
    request = read_request(json.dumps(document).encode())
    assert request is not None
    problem = PARAMETERS.refusal(request)
    return problem.param if problem else None


def test_a_usual_request_is_let_through() -> None:
    request = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "litellm_api_key"}],
        "metadata": {"api_key": "mine"},
        "temperature": 0,
        "tools": [],
        "top_k": 5,
        "user": "someone",
    }
    assert PARAMETERS.refusal(request) is None


@pytest.mark.parametrize("name", [*sorted(ALWAYS_REFUSED), "no-log", "max_retries", "litellm_metadata", "_private"])
def test_a_parameter_of_the_platform_is_refused_by_name(name: str) -> None:
    assert refused({"model": "tiny", name: None}) == name


OF_THE_ENGINE: list[dict[str, Any]] = [
    {"vllm_xargs": {"kv_transfer_params": "theirs"}},
    {"vllm_xargs": {}},
    {"request_id": "chosen"},
    {"session_id": "theirs"},
]


@pytest.mark.parametrize("named", OF_THE_ENGINE)
def test_what_the_engine_takes_one_name_of_from_all_callers_is_refused(named: dict[str, Any]) -> None:
    """vLLM reads transfers within the first, and calls a request and its session by the others, as its answer is."""
    (name,) = named

    assert refused({"model": "tiny", **named}) == name


NAMES: dict[str, Any] = {"request_id": "1", "session_id": "2", "trace_id": "3", "vllm_xargs": {}}
OF_THE_CALLER: list[dict[str, Any]] = [
    {"metadata": NAMES},
    {"user": "someone", "safety_identifier": "someone", "prompt_cache_key": "1"},
    {"previous_response_id": "resp_1", "store": False, "service_tier": "auto"},
    {"messages": [{"role": "tool", "tool_call_id": "1", "content": "sunny"}]},
    {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "1", "input": NAMES}]}]},
    {"tools": [{"type": "function", "function": {"name": "find", "parameters": {"properties": NAMES}}}]},
]


@pytest.mark.parametrize("named", OF_THE_CALLER)
def test_what_a_caller_calls_its_own_by_such_names_passes(named: dict[str, Any]) -> None:
    assert refused({"model": "tiny", **named}) is None


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
ASKED: dict[str, Callable[[object], dict[str, Any]]] = {
    "chat": lambda part: {"messages": [{"role": "user", "content": [{"type": "text", "text": "what is it?"}, part]}]},
    "responses": lambda part: {"input": [{"role": "user", "content": [part]}]},
    "a bare part": lambda part: {"input": [part]},
    "a tool's result": lambda part: {"messages": [{"content": [{"type": "tool_result", "content": [part]}]}]},
    "what was asked before": lambda part: {"previous_input_messages": [{"content": [part]}]},
    "completions": lambda part: {"prompt": [part]},
    "the system's part": lambda part: {"system": [part]},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    "named",
    [
        {**IMAGE, "uuid": "theirs"},
        {**IMAGE, "uuid": "renderer0-mm-7-image-0"},
        {"type": "image_url", "image_url": None, "uuid": "theirs"},
        {"type": "image_url", "image_url": {"url": "data:", "uuid": "theirs"}},
        {**IMAGE, "UUID": "theirs"},
        {**IMAGE, "uuid": None},
    ],
)
def test_a_caller_s_own_name_for_a_medium_is_refused_wherever_it_stands(asked: Any, named: object) -> None:
    """vLLM finds another tenant's image by it: by that tenant's name, or by the one that vLLM has made by counting."""
    assert refused({"model": "tiny", **asked(named)}) == "uuid"


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_medium_without_a_name_passes(asked: Any) -> None:
    assert refused({"model": "tiny", **asked(IMAGE)}) is None


OF_TOOLS: list[dict[str, Any]] = [
    {"tools": [{"type": "function", "function": {"name": "find", "parameters": {"properties": {"uuid": {}}}}}]},
    {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"uuid": "1"}}]}]},
    {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": '{"uuid": "1"}'}}]}]},
    {"messages": [{"role": "user", "content": "what is a uuid?"}]},
    {"metadata": {"uuid": "1"}},
]


@pytest.mark.parametrize("request_of_a_tool", OF_TOOLS)
def test_what_a_tool_calls_a_uuid_is_no_medium_s_name(request_of_a_tool: dict[str, Any]) -> None:
    assert refused({"model": "tiny", **request_of_a_tool}) is None


def test_what_stands_beside_a_tool_s_input_is_content_all_the_same() -> None:
    part = {"type": "tool_use", "input": {"uuid": "1"}, "content": [{**IMAGE, "uuid": "theirs"}]}

    assert refused({"messages": [{"content": [part]}]}) == "uuid"


def test_no_depth_of_a_request_makes_it_fail() -> None:
    assert refused({"input": json.loads("[" * 900 + "]" * 900)}) is None


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b'"x"', b"{", b"\xff\xfe{", b'{"a":1}x', b"[" * 100_000, b"null"])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    assert read_request(content) is None


@given(st.binary(max_size=200))
def test_no_body_makes_it_fail(content: bytes) -> None:
    read_request(content)


@given(st.dictionaries(st.sampled_from(["stream", "input", "messages", "model"]), JSON))
def test_no_document_makes_it_fail(document: dict[str, Any]) -> None:
    PARAMETERS.refusal(document)


@pytest.mark.parametrize("stream", [1, 0, "true", "yes", "", [], {}, 1.0])
def test_a_stream_that_is_neither_true_nor_false_is_refused(stream: object) -> None:
    """LiteLLM and the engine would take it for different things, after which LiteLLM fails to read the answer."""
    problem = PARAMETERS.refusal({"model": "tiny", "stream": stream})
    assert problem is not None
    assert (problem.status, problem.code, problem.param) == (400, "invalid_request", "stream")


@pytest.mark.parametrize("stream", [True, False, None])
def test_a_stream_that_is_true_or_false_or_left_open_passes(stream: object) -> None:
    assert PARAMETERS.refusal({"model": "tiny", "stream": stream}) is None
