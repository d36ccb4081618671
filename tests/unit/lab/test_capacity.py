"""What counts as degraded capacity, and that kubectl's events are told apart."""

import io
import json

import pytest

from tests.lab.capacity import Sight, Watch, degraded_seconds


def sights(*found: tuple[float, str, bool | None]) -> list[Sight]:
    return [Sight(at, name, whole) for at, name, whole in found]


def test_capacity_is_degraded_while_a_deployment_that_was_whole_is_not() -> None:
    assert degraded_seconds(sights((0, "a", True), (2, "a", False), (5, "a", True)), until=9) == 3


def test_it_counts_to_the_end_where_it_lasts() -> None:
    assert degraded_seconds(sights((0, "a", True), (2, "a", False)), until=9) == 7


def test_two_at_once_count_once() -> None:
    seen = sights(
        (0, "a", True), (0, "b", True), (1, "a", False), (2, "b", False), (4, "a", True), (6, "b", True)
    )  # fmt: skip

    assert degraded_seconds(seen, until=9) == 5


def test_one_that_is_new_is_no_loss_until_it_has_been_whole() -> None:
    assert degraded_seconds(sights((0, "a", True), (1, "new", False), (4, "new", True)), until=9) == 0
    assert degraded_seconds(sights((1, "new", False), (4, "new", True), (6, "new", False)), until=9) == 3


def test_one_that_goes_is_none_either() -> None:
    assert degraded_seconds(sights((0, "a", True), (1, "a", False), (3, "a", None)), until=9) == 2


def test_nothing_seen_is_nothing_lost() -> None:
    assert degraded_seconds([], until=9) == 0


def event(kind: str, ready: int | None, namespace: str = "here") -> str:
    deployment = {
        "metadata": {"namespace": namespace, "name": "engine"},
        "spec": {"replicas": 2},
        "status": {} if ready is None else {"readyReplicas": ready},
    }
    return json.dumps({"type": kind, "object": deployment}) + "\n"


@pytest.mark.parametrize(
    ("after", "degraded"),
    [
        (event("MODIFIED", 1), True),
        (event("MODIFIED", None), True),
        (event("MODIFIED", 2), False),
        (event("DELETED", 1), False),
        (event("MODIFIED", 1, "elsewhere"), False),
    ],
    ids=["one ready", "none ready", "all ready", "gone", "another's"],
)
def test_events_tell_what_is_whole(after: str, degraded: bool) -> None:
    watch = Watch(frozenset({"here"}))
    watch.read(io.StringIO(event("ADDED", 2) + after))

    assert watch.names == {"here/engine"}
    assert (watch.degraded_seconds() > 0) is degraded
