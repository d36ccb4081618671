"""What changed between two trees of inputs."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.differences import Change, Difference, differences, render_path, response
from lab.engine.values import UNKNOWN

KEYS = st.text("abc", min_size=1, max_size=3)
TREES = st.recursive(
    st.one_of(st.booleans(), st.integers(0, 3), st.text("xy", max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=10,
)
OBJECTS = st.dictionaries(KEYS, TREES, max_size=4)


@given(OBJECTS)
def test_a_tree_does_not_differ_from_itself(tree: dict[str, Any]) -> None:
    assert differences(tree, tree) == []


@given(OBJECTS, OBJECTS)
def test_different_trees_differ_and_each_path_is_told_once(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = differences(old, new)
    assert bool(found) == (_typed(old) != _typed(new))
    assert len({difference.path for difference in found}) == len(found)


@given(OBJECTS, OBJECTS)
def test_a_difference_seen_backwards_is_its_mirror(old: dict[str, Any], new: dict[str, Any]) -> None:
    mirror = {Change.ADD: Change.DELETE, Change.DELETE: Change.ADD, Change.UPDATE: Change.UPDATE}
    backwards = [Difference(found.steps, mirror[found.change]) for found in differences(new, old)]
    assert backwards == differences(old, new)


def _typed(tree: Any) -> str:
    return json.dumps(tree, sort_keys=True)


def test_an_unknown_value_may_differ() -> None:
    assert differences({"a": 1}, {"a": UNKNOWN}) == [Difference(("a",), Change.UPDATE)]


def test_the_engines_own_keys_are_no_difference() -> None:
    assert differences({"__internal": 1}, {"__internal": 2}) == []


def test_a_path_quotes_keys_that_hold_its_own_marks() -> None:
    steps = ("metadata", "labels", "app.kubernetes.io/name")
    assert render_path(steps) == 'metadata.labels["app.kubernetes.io/name"]'
    assert render_path(("spec", "ports", 0, "port")) == "spec.ports[0].port"


def test_no_difference_is_said_outright() -> None:
    assert response([], lambda _: True).changes == pb.DiffResponse.DIFF_NONE


def test_only_a_forcing_difference_asks_for_a_replacement() -> None:
    found = differences({"a": 1, "b": 1}, {"a": 2, "b": 2})
    answer = response(found, lambda difference: difference.path == "b", delete_before_replace=True)
    assert list(answer.replaces) == ["b"]
    assert answer.deleteBeforeReplace
    assert answer.detailedDiff["a"].kind == pb.PropertyDiff.UPDATE
    assert answer.detailedDiff["b"].kind == pb.PropertyDiff.UPDATE_REPLACE
    assert list(answer.diffs) == ["a", "b"]
