"""What a rotation writes into the stack file, and what it says of the update."""

import pytest

from infra.config.rotation import accepted_generations
from infra.config.stack import StackConfig
from infra.transition import rotation
from infra.transition.rotation import NoFormerKeyError
from tests.unit.config.documents import sound

TENANT = "research"
PLACE = ("bulkhead:tenants", 0)


def config(newest: int = 1, oldest: int | None = None) -> StackConfig:
    numbers = {"key_generation": newest, "oldest_key_generation": oldest}
    return sound({f"tenants.0.{key}": value for key, value in numbers.items()})


def test_the_first_rotation_raises_the_generation_and_ends_nothing() -> None:
    made = rotation.tenant_key(config(), TENANT)

    assert made.edits == {(*PLACE, "key_generation"): 2}
    assert not any("no more" in line for line in made.update)


def test_a_rotation_while_a_former_key_works_says_that_it_ends() -> None:
    made = rotation.tenant_key(config(2), TENANT)

    assert made.edits == {(*PLACE, "key_generation"): 3}
    (said,) = [line for line in made.update if "it has worked until now" in line]
    assert said.startswith(f"With this update key 1 of {TENANT} works no more")


def test_a_rotation_upon_one_that_may_not_be_deployed_says_how_to_go_on() -> None:
    made = (rotation.tenant_key(config(2), TENANT), rotation.engine_keys(sound({"gateway.engine_key_generation": 2})))

    said = "Where key 2 has never been deployed, the update is refused: write 2 again"
    assert all(any(said in line for line in one.update) for one in made)


def test_a_rotation_whose_former_key_was_ended_with_it_may_not_be_deployed_either() -> None:
    """Nothing ends with the next, and the key that is deployed is still the one before both."""
    engines = sound({"gateway.engine_key_generation": 2, "gateway.oldest_engine_key_generation": 2})
    made = (rotation.tenant_key(config(2, 2), TENANT), rotation.engine_keys(engines))

    for one in made:
        assert any("Where key 2 has never been deployed, the update is refused" in line for line in one.update)
        assert not any("it has worked until now" in line for line in one.update)


def test_of_the_first_key_nobody_asks_whether_it_was_deployed() -> None:
    made = (rotation.tenant_key(config(), TENANT), rotation.engine_keys(sound({})))

    assert not any("never been deployed" in line for one in made for line in one.update)


@pytest.mark.parametrize(("newest", "oldest"), [(1, None), (2, None), (2, 1), (2, 2), (7, 6)])
def test_the_key_in_use_is_taken_after_every_rotation(newest: int, oldest: int | None) -> None:
    edits = rotation.tenant_key(config(newest, oldest), TENANT).edits
    raised = edits[(*PLACE, "key_generation")]

    after = accepted_generations(raised, edits.get((*PLACE, "oldest_key_generation"), oldest))

    assert after == (newest, newest + 1)


def test_a_former_key_is_ended_by_the_newest_number() -> None:
    assert rotation.end_tenant_key(config(2), TENANT).edits == {(*PLACE, "oldest_key_generation"): 2}


def test_the_end_of_the_engines_former_key_is_refused_before_the_newest_is_deployed_and_says_so() -> None:
    """Nothing here knows what the gateway shows: the stack file alone has been read."""
    made = rotation.end_engine_keys(sound({"gateway.engine_key_generation": 2}))

    assert not any("already" in line for line in made.update)
    assert any("Where key 2 has never been deployed, the update is refused" in line for line in made.update)


@pytest.mark.parametrize(("newest", "oldest"), [(1, None), (1, 1), (3, 3)])
def test_what_is_not_there_is_not_ended(newest: int, oldest: int | None) -> None:
    with pytest.raises(NoFormerKeyError):
        rotation.end_tenant_key(config(newest, oldest), TENANT)


def test_a_model_with_one_engine_on_gpus_is_said_to_be_away() -> None:
    alone, paired = (sound({"models.0.replicas": replicas}) for replicas in (1, 2))
    succeeded = sound({"models.0.surge": True})

    assert any("Away while it loads" in line for line in rotation.engine_keys(alone).update)
    for staying in (paired, succeeded):
        assert not any("Away while it loads" in line for line in rotation.engine_keys(staying).update)


def test_master_key_and_salt_are_raised_by_one() -> None:
    assert list(rotation.master_key(config()).edits.values()) == [2]
    assert list(rotation.salt(config()).edits.values()) == [2]
