"""CEL literals: whatever a stack file says stays text."""

from hypothesis import given
from hypothesis import strategies as st

from components.admission.cel import all_of, any_of, text, text_map, texts, texts_map


@given(st.text())
def test_a_text_can_not_end_its_own_literal(value: str) -> None:
    literal = text(value)
    inside, escaped = literal[1:-1], False

    for character in inside:
        assert escaped or character not in "'\n\r"
        escaped = character == "\\" and not escaped
    assert literal[0] == literal[-1] == "'"
    assert not escaped


def test_lists_keep_their_order_and_maps_are_sorted() -> None:
    assert texts(["b", "a"]) == "['b', 'a']"
    assert text_map({"b": "2", "a": "1"}) == "{'a': '1', 'b': '2'}"
    assert texts_map({"b": ["x"], "a": []}) == "{'a': [], 'b': ['x']}"


def test_no_condition_at_all_is_the_neutral_one() -> None:
    assert any_of() == "false"
    assert all_of() == "true"


def test_conditions_keep_to_themselves() -> None:
    assert any_of("a && b", "c") == "(a && b) || (c)"
    assert all_of("a || b", "c") == "(a || b) && (c)"
