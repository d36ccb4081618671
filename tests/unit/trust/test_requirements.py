"""Which facts require which controls: every trigger with what pulls it and what only looks as if it did."""

import pytest

from tests.unit.trust.stacks import Document, document, mig, model, pool, posture_of, required, tenant

SHARING = {"SR1", "SR2", "SR3"}
ISOLATION = {"NS1", "NS2", "NS3", "NS4"}
CACHE = {"KV1", "KV2", "KV3"}
HARDWARE = {"HW1", "HW2", "HW3"}


def test_one_tenant_on_cpu_nodes_requires_nothing():
    assert required(posture_of(document())) == set()


def test_one_tenant_with_one_gpu_flavour_requires_nothing():
    parts = document(pools=[pool("l4")], models=[model("m", "l4")], tenants=[tenant("one", "m", quota={"l4": 1})])
    assert required(posture_of(parts)) == set()


def test_a_second_tenant_requires_the_sharing_controls():
    parts = document(tenants=[tenant("one", "small"), tenant("two", "small")])
    assert required(posture_of(parts)) == SHARING


def test_a_second_gpu_flavour_requires_the_sharing_controls():
    parts = document(pools=[pool("cpu", "cpu"), pool("l4"), pool("t4", "nvidia-tesla-t4")])
    assert required(posture_of(parts)) == SHARING


def test_two_partitions_of_one_accelerator_are_two_flavours():
    whole, split = pool("whole", "nvidia-h100-80gb"), pool("split", "nvidia-h100-80gb", partition=mig())
    assert required(posture_of(document(pools=[pool("cpu", "cpu"), whole, split]))) == SHARING


def test_two_pools_of_one_flavour_are_one_flavour():
    assert required(posture_of(document(pools=[pool("cpu", "cpu"), pool("a"), pool("b")]))) == set()


def test_cpu_nodes_beside_gpus_are_no_second_flavour():
    assert required(posture_of(document(pools=[pool("cpu", "cpu"), pool("l4")]))) == set()


@pytest.mark.parametrize("tenants", [["one"], ["one", "two"]])
@pytest.mark.parametrize(
    ("relation", "expected"),
    [("cooperative", set[str]()), ("distrusting", ISOLATION), ("untrusted", ISOLATION | CACHE)],
)
def test_what_is_declared_of_the_tenants_requires_isolation(relation: str, expected: set[str], tenants: list[str]):
    parts = document(trust={"tenants": relation}, tenants=[tenant(name, "small") for name in tenants])
    assert required(posture_of(parts)) == expected | (SHARING if len(tenants) > 1 else set())


def two_untrusted(**pool_keys: object) -> dict[str, object]:
    return document(
        trust={"tenants": "untrusted"},
        pools=[pool("gpu", "nvidia-h100-80gb", **pool_keys)],
        models=[model("m", "gpu")],
        tenants=[tenant("one", "m"), tenant("two", "m")],
    )


def test_untrusted_tenants_who_call_one_engine_share_its_gpus():
    assert required(posture_of(two_untrusted())) >= HARDWARE


def test_mig_instances_of_a_shared_engine_are_still_shared_hardware():
    assert required(posture_of(two_untrusted(partition=mig()))) >= HARDWARE


def test_untrusted_tenants_with_quota_in_one_pool_share_its_gpus():
    parts = document(
        trust={"tenants": "untrusted"},
        pools=[pool("cpu", "cpu"), pool("l4")],
        tenants=[tenant("one", "small", quota={"l4": 1}), tenant("two", "small", quota={"l4": 1})],
    )
    assert required(posture_of(parts)) >= HARDWARE


def test_quota_of_one_and_an_engine_of_another_meet_in_one_pool():
    parts = document(
        trust={"tenants": "untrusted"},
        pools=[pool("cpu", "cpu"), pool("l4")],
        models=[model("small", "cpu"), model("m", "l4")],
        tenants=[tenant("one", "small", quota={"l4": 1}), tenant("two", "m")],
    )
    assert required(posture_of(parts)) >= HARDWARE


@pytest.mark.parametrize("relation", ["cooperative", "distrusting"])
def test_sharing_gpus_is_no_hardware_trigger_while_tenants_do_not_attack(relation: str):
    parts = {**two_untrusted(), "trust": {"tenants": relation}}
    assert not required(posture_of(parts)) & HARDWARE


@pytest.mark.parametrize("quota", [{"l4": 0}, {}], ids=["zero", "none"])
def test_a_tenant_without_quota_borrows_and_so_shares_the_gpus(quota: dict[str, int]):
    parts = document(
        trust={"tenants": "untrusted"},
        pools=[pool("cpu", "cpu"), pool("l4")],
        tenants=[tenant("one", "small", quota={"l4": 1}), tenant("two", "small", quota=quota)],
    )
    assert required(posture_of(parts)) >= HARDWARE


def test_a_sensitive_tenant_without_quota_borrows_nothing_and_so_shares_no_gpus():
    parts = document(
        trust={"tenants": "untrusted"},
        pools=[pool("cpu", "cpu"), pool("l4")],
        tenants=[tenant("one", "small", quota={"l4": 1}), tenant("two", "small", sensitive=True)],
    )
    assert not required(posture_of(parts)) & HARDWARE


def test_a_pool_of_ones_own_is_no_shared_one_beside_a_pool_that_all_may_borrow():
    parts = document(
        trust={"tenants": "untrusted"},
        pools=[pool("cpu", "cpu"), pool("own", dedicated_to="one"), pool("open")],
        tenants=[tenant("one", "small"), tenant("two", "small")],
    )
    (row,) = [row for row in posture_of(parts).controls if row.control.id == "HW1"]
    assert row.required_by == ("2 untrusted tenants share the GPUs of pool open (one, two)",)


def test_untrusted_tenants_on_dedicated_pools_share_no_gpus():
    parts = document(
        trust={"tenants": "untrusted"},
        pools=[pool("cpu", "cpu"), pool("a", dedicated_to="one"), pool("b", dedicated_to="two")],
        tenants=[tenant("one", "small", quota={"a": 1}), tenant("two", "small", quota={"b": 1})],
    )
    assert not required(posture_of(parts)) & HARDWARE


def test_untrusted_tenants_on_cpu_nodes_share_no_gpus():
    parts = document(trust={"tenants": "untrusted"}, tenants=[tenant("one", "small"), tenant("two", "small")])
    assert not required(posture_of(parts)) & HARDWARE


def test_each_shared_pool_is_named_with_who_shares_it():
    (row,) = [row for row in posture_of(two_untrusted()).controls if row.control.id == "HW1"]
    assert row.required_by == ("2 untrusted tenants share the GPUs of pool gpu (one, two)",)


def test_the_order_of_the_stack_file_changes_nothing():
    pools = [pool("a"), pool("b", "nvidia-tesla-t4")]
    models = [model("m", "a"), model("n", "b")]
    tenants = [tenant(name, "m", "n") for name in ("one", "two", "three", "four", "five")]
    trust: Document = {"tenants": "untrusted"}
    parts = document(trust=trust, pools=pools, models=models, tenants=tenants)
    turned = document(trust=trust, pools=pools[::-1], models=models[::-1], tenants=tenants[::-1])
    assert posture_of(turned) == posture_of(parts)


def test_a_thousand_tenants_are_named_in_one_short_line():
    parts = document(tenants=[tenant(f"t{number:04}", "small") for number in range(1000)])
    (row,) = [row for row in posture_of(parts).controls if row.control.id == "SR1"]
    assert row.required_by == ("1000 tenants share the cluster (t0000, t0001, t0002 and 997 more)",)
