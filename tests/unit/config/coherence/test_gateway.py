"""Replicas of the gateway count together, or there is one."""

import pytest

from infra.config.trust import Tier
from tests.unit.config.documents import only_fault, sound

CACHE = {"gateway.cache": {"kind": "in_cluster"}}


@pytest.mark.parametrize("tier", Tier)
def test_more_than_one_replica_takes_a_cache_at_every_tier(tier: Tier) -> None:
    changes = {"trust": {"tier": str(tier)}, "gateway.replicas": 2}
    fault = only_fault(changes)

    assert fault.path == "bulkhead:gateway.replicas"
    assert fault.follows == "each would count limits for itself, so that a tenant could use 2 times its rate limit"
    assert fault.write == "cache: {kind: in_cluster}, or replicas: 1"
    assert sound({**changes, **CACHE}).gateway.replicas == 2


@pytest.mark.parametrize("tier", Tier)
def test_one_replica_needs_no_cache(tier: Tier) -> None:
    assert sound({"trust": {"tier": str(tier)}, "gateway.replicas": 1}).gateway.replicas == 1
