"""The `random` stand-in: what it draws, and what it never draws again."""

import string
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.plumbing import Failure
from lab.engine.random_provider import SPECIAL, RandomServicer, draw_text, mint
from lab.engine.values import UNKNOWN, Secret, decode_struct, encode_struct

URN = "urn:pulumi:local::bulkhead::random:index/randomPassword:RandomPassword::master-key"
SERVICER = RandomServicer("127.0.0.1:1")


def struct(**members: Any) -> Struct:
    return encode_struct(members)


@given(st.integers(8, 64), st.integers(0, 2), st.integers(0, 2), st.booleans())
def test_a_text_has_its_length_and_its_minimums(length: int, digits: int, uppers: int, special: bool) -> None:
    text = draw_text({"length": length, "minNumeric": digits, "minUpper": uppers, "special": special})
    assert len(text) == length
    assert sum(mark in string.digits for mark in text) >= digits
    assert sum(mark in string.ascii_uppercase for mark in text) >= uppers
    assert special or not set(text) & set(SPECIAL)


def test_what_no_text_can_satisfy_is_refused() -> None:
    with pytest.raises(Failure, match="no text of 2 characters"):
        draw_text({"length": 2, "minNumeric": 3})


@pytest.mark.parametrize(
    ("kind", "arguments", "outputs"),
    [
        ("RandomString", {"length": 8}, {"result"}),
        ("RandomBytes", {"length": 16}, {"base64", "hex"}),
        ("RandomId", {"byteLength": 4}, {"b64Std", "b64Url", "hex", "dec"}),
        ("RandomUuid", {}, {"result"}),
        ("RandomInteger", {"min": 1, "max": 6}, {"result"}),
    ],
)
def test_each_kind_has_the_real_providers_outputs(kind: str, arguments: dict[str, Any], outputs: set[str]) -> None:
    assert mint(kind, arguments)[1].keys() == outputs


def test_an_id_carries_its_prefix_in_every_notation() -> None:
    _, outputs = mint("RandomId", {"byteLength": 2, "prefix": "node-"})
    assert all(str(text).startswith("node-") for text in outputs.values())


def test_a_kind_that_is_missing_says_what_to_do() -> None:
    with pytest.raises(Failure, match="RandomPet; install the real random plugin"):
        mint("RandomPet", {})


def test_a_password_is_a_secret() -> None:
    made = SERVICER.create(pb.CreateRequest(urn=URN, properties=struct(length=20)))
    result = decode_struct(made.properties)["result"]
    assert isinstance(result, Secret)
    assert len(str(result.value)) == 20


def test_a_preview_draws_nothing() -> None:
    made = SERVICER.create(pb.CreateRequest(urn=URN, properties=struct(length=20), preview=True))
    assert decode_struct(made.properties)["result"] == Secret(UNKNOWN)


def test_an_unchanged_password_is_never_drawn_again() -> None:
    same = pb.DiffRequest(urn=URN, old_inputs=struct(length=20), news=struct(length=20))
    assert SERVICER.diff(same).changes == pb.DiffResponse.DIFF_NONE


def test_any_changed_argument_draws_a_new_value() -> None:
    longer = pb.DiffRequest(urn=URN, old_inputs=struct(length=20), news=struct(length=24))
    assert list(SERVICER.diff(longer).replaces) == ["length"]
