import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.hooks.parameters import ALWAYS_REFUSED, PlatformParameters

PARAMETERS = PlatformParameters(["metadata", "no-log", "max_retries"])


def refused(document: object) -> str | None:
    problem = PARAMETERS.refusal(json.dumps(document).encode())
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
    assert PARAMETERS.refusal(json.dumps(request).encode()) is None


@pytest.mark.parametrize("name", [*sorted(ALWAYS_REFUSED), "no-log", "max_retries", "litellm_metadata", "_private"])
def test_a_parameter_of_the_platform_is_refused_by_name(name: str) -> None:
    assert refused({"model": "tiny", name: None}) == name


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b'"x"', b"{", b"\xff\xfe{", b'{"a":1}x', b"[" * 100_000, b"null"])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    problem = PARAMETERS.refusal(content)
    assert problem is not None
    assert problem.code == "invalid_json"


@given(st.binary(max_size=200))
def test_no_body_makes_it_fail(content: bytes) -> None:
    PARAMETERS.refusal(content)
