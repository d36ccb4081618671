import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.hooks.keys import in_one_spelling, keys_in

KEY = b"sk-abc"


def as_litellm_reads(value: str) -> str:
    """LiteLLM 1.106.2's `get_bearer_token`."""
    for prefix in ("Bearer ", "Basic ", "bearer "):
        if value.startswith(prefix):
            return value.replace(prefix, "")
    if value.startswith("AWS4-HMAC-SHA256"):
        found = re.search(r"Credential=Bearer\s+([^/\s,]+)", value) or re.search(r"Credential=([^/\s,]+)", value)
        return found[1] if found else ""
    return ""


@pytest.mark.parametrize("value", [b"Bearer sk-abc", b"bearer sk-abc", b"BEARER   sk-abc", b" Bearer sk-abc "])
def test_a_key_is_passed_on_in_one_spelling(value: bytes) -> None:
    headers = in_one_spelling([(b"Authorization", value), (b"accept", b"a b")])

    assert headers == [(b"Authorization", b"Bearer sk-abc"), (b"accept", b"a b")]
    assert keys_in(headers or ()) == {KEY}


@pytest.mark.parametrize(
    "value",
    [
        b"AWS4-HMAC-SHA256 Credential=Bearer sk-abc/1, Signature=0a",
        b"AWS4-HMAC-SHA256 Credential=sk-abc/1, Signature=0a",
        b"Bearer sk-aBearer bc",
        b"Bearer sk-abc another",
        b"Bearer sk-abc\xa0",
        b"Bearer\tsk-abc",
        b"Basic sk-abc",
        b"sk-abc",
        b"Bearer",
    ],
)
def test_what_is_not_plainly_one_key_is_refused(value: bytes) -> None:
    assert in_one_spelling([(b"authorization", value)]) is None


@pytest.mark.parametrize("value", [b"Bearer sk-abc", b"sk-abc\xa0", b"sk-a bc"])
def test_a_bare_key_has_no_other_word_beside_it(value: bytes) -> None:
    assert in_one_spelling([(b"x-api-key", value)]) is None


def test_a_bare_key_is_the_same_key() -> None:
    headers = in_one_spelling([(b"X-Api-Key", KEY), (b"authorization", b"")])

    assert headers == [(b"X-Api-Key", KEY)]
    assert keys_in(headers or ()) == {KEY}


@given(
    st.lists(
        st.sampled_from(
            [b"Bearer ", b"bearer ", b"Basic ", b"AWS4-HMAC-SHA256 ", b"Credential=", b"sk-", b"a", b"/", b","]
        )
        | st.binary(max_size=3)
    )
)
def test_whatever_is_passed_on_is_counted_as_the_key_that_litellm_reads(words: list[bytes]) -> None:
    headers = in_one_spelling([(b"authorization", b"".join(words))])

    for _, value in headers or ():
        assert keys_in([(b"authorization", value)]) == {as_litellm_reads(value.decode("latin-1")).encode("latin-1")}
