"""One number is changed in a stack file's text, and nothing else."""

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra.config.paths import Location
from infra.config.text_edit import NotEditableError, with_value
from infra.config.yaml_text import read_yaml

TEXT = """\
# Whose stack this is.
config:
  bulkhead:tenants: # who uses it
    - name: research
      models: [small] # all of them
      notes: |
        two
        lines

    # The next one came later.
    - {name: search, key_generation: 3}   # flow
  bulkhead:gateway:
    replicas: 1 # one is enough

  # Nothing below.
"""


def edited(place: Location, value: int = 2) -> list[tuple[str, str]]:
    """(line before, line afterwards) of each that differs; an added one has none before."""
    before, after = TEXT.splitlines(), with_value(TEXT, place, value).splitlines()
    if len(before) == len(after):
        return [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    (added,) = [line for line in after if line not in before]
    assert [line for line in after if line != added] == before
    return [("", added)]


def test_a_number_is_replaced_where_it_stands() -> None:
    assert edited(("bulkhead:tenants", 1, "key_generation"), 4) == [
        ("    - {name: search, key_generation: 3}   # flow", "    - {name: search, key_generation: 4}   # flow")
    ]


def test_a_key_is_added_behind_the_last_one_of_its_own_mapping() -> None:
    text = with_value(TEXT, ("bulkhead:tenants", 0, "key_generation"), 2)

    assert "        lines\n      key_generation: 2\n\n    # The next" in text
    assert edited(("bulkhead:gateway", "engine_key_generation")) == [("", "    engine_key_generation: 2")]


@pytest.mark.parametrize("text", [TEXT, TEXT.partition("\n\n  # Nothing")[0]], ids=["whole", "last line open"])
@pytest.mark.parametrize(
    "place",
    [
        ("bulkhead:tenants", 0, "key_generation"),
        ("bulkhead:tenants", 1, "key_generation"),
        ("bulkhead:tenants", 1, "oldest_key_generation"),
        ("bulkhead:gateway", "master_key_generation"),
    ],
)
def test_lines_go_on_ending_as_they_did(place: Location, text: str) -> None:
    after = with_value(text.replace("\n", "\r\n"), place, 2)

    assert after == with_value(text, place, 2).replace("\n", "\r\n")


def test_a_key_is_added_inside_of_braces() -> None:
    assert edited(("bulkhead:tenants", 1, "oldest_key_generation")) == [
        (
            "    - {name: search, key_generation: 3}   # flow",
            "    - {name: search, key_generation: 3, oldest_key_generation: 2}   # flow",
        )
    ]
    assert with_value("config: {a: {}}", ("a", "b"), 1) == "config: {a: {b: 1}}"


def test_what_is_missing_above_a_key_is_added_with_it() -> None:
    assert edited(("bulkhead:other", "deep", "number")) == [("", "  bulkhead:other: {deep: {number: 2}}")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (TEXT, ("bulkhead:tenants", 7, "key_generation")),
        ("config:\n  a: text\n", ("a", "b")),
        ("config:\n  a: {b: 1}\n", ("a", "not a plain: key")),
        ("", ("a",)),
    ],
)
def test_what_has_no_place_is_refused(text: str, place: Location) -> None:
    with pytest.raises(NotEditableError):
        with_value(text, place, 2)


VALUES = st.recursive(
    st.integers() | st.text("ab:# '\n", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(rest=st.dictionaries(st.text("xyz", min_size=1), VALUES, max_size=3), flow=st.sampled_from([True, False, None]))
def test_however_a_file_is_written_the_rest_of_it_reads_as_before(rest: dict[str, object], flow: bool | None) -> None:
    document = {"config": {**rest, "key": {"number": 1, **copy.deepcopy(rest)}}}
    text = yaml.safe_dump(document, default_flow_style=flow, sort_keys=False)

    replaced = with_value(text, ("key", "number"), 2)
    added = with_value(text, ("key", "other"), 3)

    assert read_yaml(replaced).value == {"config": {**rest, "key": {"number": 2, **rest}}}
    assert read_yaml(added).value == {"config": {**rest, "key": {"number": 1, **rest, "other": 3}}}
