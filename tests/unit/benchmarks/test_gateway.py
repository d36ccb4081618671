"""What the benchmark of the gateway asks with whose key, and how it sums memory."""

from itertools import count

import pytest

from benchmarks.gateway import (
    ALL,
    CALLING_SECONDS,
    REQUESTS,
    REQUESTS_OF_A_TENANT,
    TENANTS,
    called_by_all,
    with_sums,
)
from tests.lab.load import Report

NOTHING = Report((), 0.0)


class Callers:
    """Keeps who called, and how often."""

    def __init__(self) -> None:
        self.requests: dict[str, int] = {}

    def __call__(self, key: str, requests: int) -> Report:
        assert key not in self.requests
        self.requests[key] = requests
        return NOTHING


@pytest.mark.parametrize("tenants", TENANTS)
def test_every_tenant_calls(tenants: int) -> None:
    keys = [f"key-{index}" for index in range(tenants)]
    callers = Callers()

    assert len(called_by_all(keys, callers)) == tenants
    assert list(callers.requests) == keys


def test_few_tenants_share_the_requests_and_many_send_a_few_each() -> None:
    callers = Callers()
    called_by_all(["one"], callers)
    called_by_all([f"of-many-{index}" for index in range(100)], callers)

    assert callers.requests["one"] == REQUESTS
    assert callers.requests["of-many-99"] == REQUESTS_OF_A_TENANT


def test_when_the_time_is_over_nobody_else_begins_and_the_number_says_so() -> None:
    # Each look at the clock finds a third of the time gone, the first one included.
    ticks = count(step=CALLING_SECONDS / 3)

    assert len(called_by_all([f"key-{index}" for index in range(100)], Callers(), lambda: next(ticks))) == 3


def test_a_pod_takes_what_its_containers_take_together() -> None:
    found = list(with_sums({("b/pod", "main"): 5.0, ("a/pod", "edge"): 7.5, ("a/pod", "litellm"): 600.0}))

    assert found == [
        ("a/pod", "edge", 7.5),
        ("a/pod", "litellm", 600.0),
        ("a/pod", ALL, 607.5),
        ("b/pod", "main", 5.0),
        ("b/pod", ALL, 5.0),
    ]
