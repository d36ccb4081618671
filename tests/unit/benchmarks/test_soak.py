"""What the soak asks of the stack that it is run on."""

from benchmarks.soak import REPLICAS, TENANTS, lacking


def test_two_tenants_two_replicas_and_a_shared_cache_are_enough() -> None:
    assert lacking(TENANTS, REPLICAS, has_cache=True) == []
    assert lacking(TENANTS + 1, REPLICAS + 1, has_cache=True) == []


def test_each_thing_that_is_lacking_is_told_with_what_to_set() -> None:
    tenants, replicas, cache = lacking(1, 0, has_cache=False)

    assert tenants.startswith("1 of 2 tenants ")
    assert replicas.startswith("0 of 2 gateway replicas ")
    assert "`bulkhead:tenants`" in tenants
    assert "`bulkhead:gateway.replicas`" in replicas
    assert "`bulkhead:gateway.cache`" in cache
