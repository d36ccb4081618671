"""What LiteLLM fails on is refused before vectors are computed for nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.hooks.vectors import PATH, vectors_refusal

ANY = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.lists(st.integers(), max_size=1))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"encoding_format": "float"},
        {"encoding_format": "base64"},
        {"encoding_format": None, "stream": None},
        {"stream": False},
        {"input": []},
        {"input": [""]},
        {"input": ["hello", "world"]},
        {"input": [1, 2]},
        {"input": [[1, 2], [3]]},
    ],
)
def test_vectors_as_openai_knows_them_pass(more: dict[str, Any]) -> None:
    assert vectors_refusal(PATH, {"model": "tiny", "input": "hello", **more}) is None


UNREADABLE: list[object] = ["bytes", "bytes_only", "FLOAT", "", 1, [], {}, ["float"]]
EMPTY: list[object] = [[[]], [[1], []]]
REFUSED: list[tuple[str, object]] = [
    *(("encoding_format", value) for value in UNREADABLE),
    ("stream", True),
    *(("input", value) for value in EMPTY),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_litellm_fails_on_is_refused_by_its_name(name: str, value: object) -> None:
    problem = vectors_refusal(PATH, {"model": "tiny", "input": "hello", name: value})
    assert problem is not None
    assert (problem.status, problem.code, problem.param) == (400, "invalid_request", name)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_no_other_path_is_judged(name: str, value: object) -> None:
    assert vectors_refusal("/v1/responses", {"model": "tiny", name: value}) is None


@given(st.dictionaries(st.sampled_from(["encoding_format", "input", "stream"]), ANY))
def test_no_document_makes_it_fail(document: dict[str, Any]) -> None:
    vectors_refusal(PATH, document)
