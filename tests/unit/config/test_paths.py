"""How places are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.config.paths import Location, exists, location_of, nearest, render

PARTS = st.text(max_size=6) | st.sampled_from(["config", "a.b", "a[0]", 'a"b', "bulkhead:trust"])


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ((), "config"),
        (("config",), '["config"]'),
        (("bulkhead:tenants", 0, "models", 1), "bulkhead:tenants[0].models[1]"),
        (("bulkhead:trust.tier",), '["bulkhead:trust.tier"]'),
        (("bulkhead:pools", 0, "node_labels", "example.com/pool"), 'bulkhead:pools[0].node_labels["example.com/pool"]'),
        (("bulkhead:trust", "ti\u0435r"), 'bulkhead:trust["ti\\u0435r"]'),
    ],
)
def test_places_are_written_as_pulumi_writes_paths(location: Location, path: str) -> None:
    assert render(location) == path


@given(st.lists(PARTS | st.integers(0, 99), max_size=5))
def test_what_is_written_can_be_read_again(parts: list[str | int]) -> None:
    location = ("bulkhead:trust", *parts)

    assert location_of(render(location)) == location


@given(PARTS)
def test_a_full_key_can_be_read_again(key: str) -> None:
    assert location_of(render((key,))) == (key,)


def test_the_nearest_place_is_the_last_parent_that_is_there() -> None:
    assert nearest({"bulkhead:pools": [{"nodes": {"min": 1}}]}, ("bulkhead:pools", 0, "nodes", "max")) == (
        "bulkhead:pools",
        0,
        "nodes",
    )
    assert nearest({}, ("bulkhead:pools", 0)) == ()


def test_a_path_that_is_not_one_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a path"):
        location_of("bulkhead:pools[x]")


def test_the_whole_configuration_exists_always() -> None:
    assert exists({}, "config")
