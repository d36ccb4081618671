"""Property values survive the engine's wire format, secrets and unknowns included."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engine import values
from lab.engine.values import UNKNOWN, Secret, decode, encode, has_secret, has_unknown, mark_like, plain

KEYS = st.text(max_size=8).filter(lambda key: key != values.SIGNATURE_KEY)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False),
    st.text().filter(lambda text: text != values.UNKNOWN_SENTINEL),
)


def trees(leaves: st.SearchStrategy[Any], wrap: bool = True) -> st.SearchStrategy[Any]:
    def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        shapes = [st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)]
        return st.one_of(*shapes, *([inner.map(Secret)] if wrap else []))

    return st.recursive(leaves, branches, max_leaves=12)


ANY_VALUE = trees(st.one_of(LEAVES, st.just(UNKNOWN)))
PLAIN_VALUE = trees(LEAVES, wrap=False)


@given(ANY_VALUE)
def test_a_value_survives_the_wire(value: Any) -> None:
    assert decode(encode(value)) == value


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_arrives_as_one(number: int) -> None:
    assert isinstance(decode(encode(number)), int)


@given(ANY_VALUE)
def test_a_plain_value_has_no_wrappers_left(value: Any) -> None:
    assert not has_secret(plain(value))
    assert has_unknown(plain(value)) == has_unknown(value)


def test_an_output_value_without_a_value_is_unknown() -> None:
    signed = {values.SIGNATURE_KEY: values.OUTPUT_SIGNATURE}
    assert decode(encode(signed)) is UNKNOWN


def test_an_output_value_marked_secret_is_a_secret() -> None:
    signed = {values.SIGNATURE_KEY: values.OUTPUT_SIGNATURE, "value": "v", "secret": True}
    assert decode(encode(signed)) == Secret("v")


def test_a_type_without_a_wire_form_is_refused_by_name() -> None:
    unwritable: Any = object()
    with pytest.raises(TypeError, match="object"):
        encode(unwritable)


def test_a_secret_never_shows_in_its_own_text() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})


@given(trees(LEAVES.filter(lambda leaf: leaf is not None)))
def test_every_secret_stays_secret_when_the_server_echoes_the_inputs(value: Any) -> None:
    inputs = {"spec": value}
    marked = mark_like(plain(inputs), inputs)
    assert has_secret(marked) == has_secret(inputs)
    assert plain(marked) == plain(inputs)


def test_a_list_that_a_webhook_lengthened_becomes_secret_as_a_whole() -> None:
    inputs = {"containers": [{"env": [{"name": "PASSWORD", "value": Secret("hunter2")}]}]}
    live = {"containers": [{"name": "injected"}, {"env": [{"name": "PASSWORD", "value": "hunter2"}]}]}
    assert isinstance(mark_like(live, inputs)["containers"], Secret)


def test_a_list_without_secrets_stays_open_whatever_its_length() -> None:
    assert mark_like({"args": ["a", "b"]}, {"args": ["a"]}) == {"args": ["a", "b"]}
