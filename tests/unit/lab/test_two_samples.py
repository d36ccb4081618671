"""The test that timing is judged by, against published values."""

import random

import pytest

from tests.lab.two_samples import compare


def test_the_same_sample_twice_is_not_apart() -> None:
    found = compare([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])

    assert (found.distance, found.p_value) == (0.0, 1.0)


def test_samples_that_do_not_overlap_are_as_far_apart_as_can_be() -> None:
    found = compare(list(range(50)), list(range(100, 150)))

    assert found.distance == 1.0
    assert found.p_value < 1e-20


@pytest.mark.parametrize(("coefficient", "level"), [(1.224, 0.10), (1.358, 0.05), (1.628, 0.01), (1.949, 0.001)])
def test_large_samples_meet_the_tables_of_critical_values(coefficient: float, level: float) -> None:
    # Smirnov's coefficients c(level): the critical distance is c * sqrt((n + m) / (n * m)).
    size = 20_000
    shift = round(coefficient * (2 / size) ** 0.5 * size)
    found = compare(list(range(size)), [value + shift for value in range(size)])

    assert found.p_value == pytest.approx(level, rel=0.05)


def test_one_distribution_is_rarely_told_apart_from_itself() -> None:
    source = random.Random(7)  # noqa: S311 - no secret
    values = [
        compare([source.expovariate(1) for _ in range(60)], [source.expovariate(1) for _ in range(60)]).p_value
        for _ in range(300)
    ]

    assert 0.01 < sum(value < 0.05 for value in values) / len(values) < 0.09


def test_an_empty_sample_tells_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        compare([], [1.0])
