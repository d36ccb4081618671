"""Generations of keys: the newest, and the one before it for as long as somebody uses it."""

import pytest

from infra.config.rotation import accepted_generations
from tests.unit.config.documents import only_fault, sound


@pytest.mark.parametrize(
    ("newest", "oldest", "accepted"),
    [(1, None, (1,)), (2, None, (1, 2)), (2, 1, (1, 2)), (2, 2, (2,)), (7, None, (6, 7)), (7, 7, (7,))],
)
def test_the_newest_key_is_taken_and_the_one_before_it_unless_it_has_ended(
    newest: int, oldest: int | None, accepted: tuple[int, ...]
) -> None:
    assert accepted_generations(newest, oldest) == accepted


@pytest.mark.parametrize("oldest", [None, 2, 3])
def test_an_oldest_key_next_to_the_newest_is_accepted(oldest: int | None) -> None:
    tenant = sound({"tenants.0.key_generation": 3, "tenants.0.oldest_key_generation": oldest}).tenants[0]

    assert tenant.oldest_key_generation == oldest


def test_a_key_from_two_changes_ago_is_refused() -> None:
    fault = only_fault({"tenants.0.key_generation": 3, "tenants.0.oldest_key_generation": 1})

    assert fault.path == "bulkhead:tenants[0].oldest_key_generation"
    assert fault.wrong == "key_generation is 3, and this is 1"
    assert fault.write == "oldest_key_generation: 2 or 3; or leave it out"


def test_an_oldest_key_that_is_not_drawn_yet_is_refused() -> None:
    fault = only_fault({"gateway": {"oldest_engine_key_generation": 2}})

    assert fault.path == "bulkhead:gateway.oldest_engine_key_generation"
    assert "the key in use would not be taken" in fault.follows
    assert fault.write == "oldest_engine_key_generation: 1; or leave it out"
