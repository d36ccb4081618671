"""Tenants, models, capacity, cost, caches and every other key."""

from typing import Any

import pytest

from infra.config.accelerators import FACTS, Accelerator
from infra.config.pools import CPU_MACHINE_TYPE
from infra.diff.model import Change, MoneyRange, Range
from infra.prices import HOURS_PER_MONTH, PRICES, WITHOUT_PRICE, usd_per_month
from infra.report.diff_markdown import difference_markdown
from tests.strategies import Document
from tests.unit.diff.changes import GKE, PRICE, changed, difference


def keys(changes: tuple[object, ...]) -> dict[str, tuple[object, object]]:
    return {change.key: (change.before, change.after) for change in changes}  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]


def test_a_tenants_budget_is_told_with_both_values() -> None:
    (tenant,) = difference(GKE, changed(tenants__1__budget__usd=250)).tenants

    assert (tenant.name, tenant.change) == ("search", Change.CHANGED)
    assert keys(tenant.keys) == {"budget.usd": ("100", "250")}


def test_tenants_in_another_order_and_a_default_written_out_are_no_change() -> None:
    shuffled = changed(tenants=list(reversed(GKE["bulkhead:tenants"])))
    written_out = changed(tenants__1__rate_limit={"requests_per_minute": 600, "tokens_per_minute": 200000})

    assert not difference(GKE, shuffled).tenants
    assert not difference(GKE, written_out).tenants


def test_a_tenant_and_a_model_that_come_and_go_are_told() -> None:
    more = changed(
        models=[*GKE["bulkhead:models"], {"name": "qwen", "source": "example/qwen", "pool": "l4", "price": PRICE}],
        tenants=[*GKE["bulkhead:tenants"], {"name": "support", "models": ["qwen"], "budget": {"usd": 5}}],
    )

    grown, shrunk = difference(GKE, more), difference(more, GKE)

    assert [(one.name, one.change) for one in grown.tenants] == [("support", Change.ADDED)]
    assert [(one.name, one.change) for one in grown.models] == [("qwen", Change.ADDED)]
    assert [(one.name, one.change) for one in shrunk.tenants] == [("support", Change.REMOVED)]
    assert [(one.name, one.change) for one in shrunk.models] == [("qwen", Change.REMOVED)]


def test_subjects_of_a_tenant_are_told_by_name() -> None:
    with_people = changed(tenants__0__subjects=[{"kind": "group", "name": "research@example.com"}])

    (tenant,) = difference(GKE, with_people).tenants

    assert keys(tenant.keys) == {
        "subjects.research@example.com.kind": (None, "group"),
        "subjects.research@example.com.name": (None, "research@example.com"),
    }


def test_a_larger_pool_costs_its_machines_more() -> None:
    capacity = difference(GKE, changed(pools__1__nodes__max=6)).capacity

    (pool,) = capacity.pools
    each = usd_per_month("g2-standard-24", "europe-west4")
    assert each is not None
    assert pool.before is not None
    assert pool.after is not None
    assert (pool.before.gpus, pool.after.gpus) == (Range(2, 8), Range(2, 12))
    assert pool.after.usd_per_month == MoneyRange(each, 6 * each)
    assert capacity.before is not None
    assert capacity.after is not None
    assert capacity.after.usd_per_month.most - capacity.before.usd_per_month.most == pytest.approx(2 * each)  # pyright: ignore[reportUnknownMemberType]


def test_splitting_gpus_makes_another_node_pool_with_instances() -> None:
    a100 = changed(pools__1={"name": "big", "accelerator": "nvidia-a100-80gb", "nodes": {"max": 2}})
    a100 = changed(a100, models__0__pool="big", tenants__0__gpu_quota={"big": 1})
    split = changed(a100, pools__1__partition={"kind": "mig", "size": "1g.10gb"})

    (pool,) = difference(a100, split).capacity.pools

    assert pool.before is not None
    assert pool.after is not None
    assert (pool.before.node_pool, pool.after.node_pool) == ("big-whole", "big-mig-1g-10gb")
    assert (pool.before.mig_instances, pool.after.mig_instances) == (Range(0, 0), Range(0, 14))


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("pools__1__spot", True, "spot prices change too often for a table"),
        (
            "pools__1__machine_type",
            "g2-custom-24-110592",
            "no price in the table for g2-custom-24-110592 in europe-west4",
        ),
        ("cluster__location", "europe-north9", "no price in the table for g2-standard-24 in europe-north9"),
    ],
)
def test_what_the_table_does_not_hold_is_not_priced_and_says_why(path: str, value: Any, reason: str) -> None:
    capacity = difference(GKE, changed(**{path: value})).capacity

    pool = next(pool for pool in capacity.pools if pool.name == "l4")
    assert pool.after is not None
    assert (pool.after.usd_per_month, pool.after.not_priced) == (None, reason)
    assert capacity.after is not None
    assert "l4" in capacity.after.not_priced


def test_nodes_that_are_not_made_here_have_no_price() -> None:
    existing = changed(cluster={"kind": "existing", "context": "dev", "enforces_network_policy": True})

    (cpu, gpu) = difference(GKE, existing).capacity.pools

    assert {one.after.not_priced for one in (cpu, gpu) if one.after} == {"its nodes are not made here"}


def test_a_zone_has_its_regions_price_and_a_machine_costs_in_proportion_to_its_gpus() -> None:
    one, eight = usd_per_month("a3-highgpu-1g", "us-central1-a"), usd_per_month("a3-highgpu-8g", "us-central1")

    assert one is not None
    assert eight == pytest.approx(8 * one)  # pyright: ignore[reportUnknownMemberType]
    assert one == pytest.approx(11.06124999 * HOURS_PER_MONTH)  # pyright: ignore[reportUnknownMemberType]


def test_the_price_table_names_each_machine_once_and_has_no_price_of_nothing() -> None:
    machines = [machine for series in PRICES for machine in series.units]

    assert len(machines) == len(set(machines))
    assert all(price > 0 for series in PRICES for price in series.usd_per_unit_hour.values())


OFFERED = sorted({CPU_MACHINE_TYPE, *(machine for facts in FACTS.values() for machine in facts.machine_types.values())})


@pytest.mark.parametrize("machine_type", OFFERED)
def test_every_machine_that_a_pool_gets_has_a_price_or_is_listed_as_one_that_has_none(machine_type: str) -> None:
    priced = any(machine_type in series.units for series in PRICES)

    assert priced != (machine_type in WITHOUT_PRICE)


def test_what_is_listed_as_without_a_price_is_what_some_pool_gets() -> None:
    assert set(WITHOUT_PRICE) <= set(OFFERED)


GPU_NODES = sorted((str(name), count) for name, facts in FACTS.items() for count in facts.machine_types)


@pytest.mark.parametrize(("accelerator", "count"), GPU_NODES)
def test_a_pool_whose_machine_has_no_price_says_so_in_the_report_and_adds_nothing_to_the_sum(
    accelerator: str, count: int
) -> None:
    machine_type = FACTS[Accelerator(accelerator)].machine_types[count]
    pool = {"name": "new", "accelerator": accelerator, "gpus_per_node": count, "nodes": {"min": 1, "max": 1}}

    told = difference(GKE, changed(pools=[*GKE["bulkhead:pools"], pool]))

    assert told.capacity.before is not None
    assert told.capacity.after is not None
    unpriced = machine_type in WITHOUT_PRICE
    assert unpriced == (f"no price in the table for {machine_type} in europe-west4, " in difference_markdown(told))
    assert unpriced == (told.capacity.before.usd_per_month == told.capacity.after.usd_per_month)


def test_more_engines_mean_that_a_prefix_is_computed_more_often() -> None:
    (effect,) = difference(GKE, changed(models__0__replicas=3)).caches

    assert effect.effect == ("each engine has a cache of its own, so a prefix is computed up to 3 times instead of 1")


def test_an_engine_that_restarts_starts_with_an_empty_cache() -> None:
    (effect,) = difference(GKE, changed(models__0__engine={"context_length": 4096})).caches

    assert effect.effect == "its engines restart, so their caches start empty"


OWN = {"name": "own", "accelerator": "nvidia-h100-80gb", "nodes": {"max": 4}, "dedicated_to": "research"}


def test_the_only_caller_s_engine_that_moves_to_a_pool_of_its_own_starts_with_an_empty_cache() -> None:
    sensitive = {**GKE["bulkhead:tenants"][0], "name": "research", "sensitive": True}
    alone = changed(tenants=[sensitive], models__0__cache_isolation="engine_per_tenant")

    (effect,) = difference(alone, changed(alone, pools=[*GKE["bulkhead:pools"], OWN])).caches

    assert effect.effect == "its engines restart, so their caches start empty"


def test_of_engines_side_by_side_those_that_move_to_their_tenant_s_own_pool_are_told_as_restarting() -> None:
    apart = changed(tenants__0__sensitive=True, models__0__cache_isolation="engine_per_tenant")
    moved = changed(apart, pools=[*GKE["bulkhead:pools"], OWN])

    (effect,) = difference(apart, moved).caches
    (back,) = difference(moved, apart).caches
    (every,) = difference(apart, changed(moved, models__0__engine={"context_length": 4096})).caches

    assert effect.effect == "the engines of research alone restart, so their caches start empty"
    assert back.effect == effect.effect
    assert every.effect == "its engines restart, so their caches start empty"


def test_engines_that_tenants_share_are_told_apart_from_those_of_one_that_restart() -> None:
    scoped = changed(trust__enable=["KV1"], tenants__0__sensitive=True, models__0__engine={"media_per_request": 0})
    sensitive = {**GKE["bulkhead:tenants"][0], "name": "support", "sensitive": True}
    three = changed(scoped, tenants=[*scoped["bulkhead:tenants"], sensitive])

    (effect,) = difference(three, changed(three, pools=[*GKE["bulkhead:pools"], OWN])).caches

    assert effect.effect == "the engines of research alone restart, so their caches start empty"


def test_a_pool_to_which_no_engine_moves_yet_restarts_none() -> None:
    """Without KV1 the sensitive tenant shares the engines; the pool is where its own will be."""
    sensitive = changed(tenants__0__sensitive=True)

    assert difference(sensitive, changed(sensitive, pools=[*GKE["bulkhead:pools"], OWN])).caches == ()


PICKER = {"kind": "endpoint_picker", "network_encrypts": True}
PAIR = changed(cluster={"kind": "existing", "context": "dev", "enforces_network_policy": True}, models__0__replicas=2)
PICKED = changed(PAIR, models__0__routing=PICKER)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (GKE, changed(models__0__surge=True)),
        (changed(PAIR, models__0__replicas=1), changed(PICKED, models__0__replicas=1)),
        (PICKED, changed(PICKED, trust__tier="governed")),
    ],
    ids=["devices for a successor", "a picker of one engine", "a picker that fails closed"],
)
def test_what_the_engines_pods_do_not_know_changes_no_cache(before: Document, after: Document) -> None:
    assert difference(before, after).caches == ()


def test_a_picker_that_reads_prompts_no_more_is_told_and_restarts_no_engine() -> None:
    (effect,) = difference(PICKED, changed(PICKED, trust__enable=["KV2"])).caches

    assert "a prompt goes to any engine, whichever holds its beginning" in effect.effect
    assert "computed on each of 2" in effect.effect
    assert "restart" not in effect.effect


def test_a_picker_that_comes_sends_prompts_to_what_is_kept_of_them() -> None:
    (effect,) = difference(PAIR, PICKED).caches

    assert effect.effect == "a prompt goes to an engine that holds its beginning, if it has room"


def test_every_other_key_that_differs_is_told() -> None:
    settings = difference(GKE, changed(gateway={"replicas": 3, "cache": {"kind": "memorystore"}})).settings

    assert keys(settings)["gateway.replicas"][1] == "3"
    assert keys(settings)["gateway.cache.kind"][1] == "memorystore"
    assert all(change.path[0] == "gateway" for change in settings)


def test_secrets_are_told_by_name_alone() -> None:
    first = {**GKE, "bulkhead:model_hub_token": {"secure": "v1:aaaa"}}
    second = {**GKE, "bulkhead:model_hub_token": {"secure": "v1:bbbb"}}

    assert difference(GKE, first).secrets == (("model_hub_token", Change.ADDED),)
    assert difference(first, second).secrets == (("model_hub_token", Change.CHANGED),)
    assert difference(first, GKE).secrets == (("model_hub_token", Change.REMOVED),)
    assert "aaaa" not in repr(difference(first, second))


def test_salts_divide_a_cache_and_restart_no_engine_that_takes_no_media() -> None:
    without_media = changed(models__0__engine={"media_per_request": 0})
    (effect,) = difference(without_media, changed(without_media, models__0__cache_isolation="salted")).caches

    assert "restart" not in effect.effect
    assert "images" not in effect.effect
    assert effect.after.startswith("each caller's own")


def test_salts_end_the_taking_of_media_and_restart_the_engines_for_it() -> None:
    salted = changed(models__0__cache_isolation="salted")
    (effect,) = difference(GKE, salted).caches
    (back,) = difference(salted, GKE).caches

    assert "images, videos and sounds are refused" in effect.effect
    assert "its engines restart" in effect.effect
    assert "images, videos and sounds are taken again" in back.effect


def test_a_second_caller_of_a_salted_model_ends_the_taking_of_media() -> None:
    salted = changed(models__0__cache_isolation="salted")
    alone = {**salted, "bulkhead:tenants": salted["bulkhead:tenants"][:1]}
    (effect,) = difference(alone, salted).caches

    assert "images, videos and sounds are refused" in effect.effect


def test_a_cache_that_is_switched_off_reuses_nothing() -> None:
    (effect,) = difference(GKE, changed(models__0__cache_isolation="off")).caches

    assert effect.effect.startswith("every prompt is computed from its beginning")
