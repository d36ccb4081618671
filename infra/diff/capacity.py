"""Nodes, GPUs, MIG instances, and what they cost by list price."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from infra.blueprint.model import Blueprint, NodePoolPart
from infra.config.cluster import GkeCluster
from infra.config.pools import MigPartition, Pool
from infra.config.stack import StackConfig
from infra.diff.model import Capacity, MoneyRange, PoolCapacity, PoolChange, Range, Totals
from infra.prices import usd_per_month, why_not_priced

PoolsByName = Mapping[str, PoolCapacity]


def pools_of(config: StackConfig, blueprint: Blueprint) -> PoolsByName:
    """What each pool of the stack file holds, by its name there."""
    made = {part.name: part for part in blueprint.node_pools}
    return {pool.name: _capacity(pool, config, made.get(pool.node_pool_name)) for pool in config.pools}


def _capacity(pool: Pool, config: StackConfig, part: NodePoolPart | None) -> PoolCapacity:
    nodes = Range(pool.nodes.min, pool.nodes.max)
    split = isinstance(pool.partition, MigPartition)
    usd, not_priced = _cost(config, part, nodes)
    return PoolCapacity(
        node_pool=pool.node_pool_name,
        machine_type=part.machine_type if part else None,
        nodes=nodes,
        gpus=_times(nodes, pool.gpus_on_each_node),
        mig_instances=_times(nodes, pool.devices_on_each_node if split else 0),
        usd_per_month=usd,
        not_priced=not_priced,
    )


def _times(nodes: Range, count: int) -> Range:
    return Range(nodes.least * count, nodes.most * count)


def _cost(config: StackConfig, part: NodePoolPart | None, nodes: Range) -> tuple[MoneyRange | None, str]:
    if part is None or not isinstance(config.cluster, GkeCluster):
        return None, "its nodes are not made here"
    if part.spot:
        return None, "spot prices change too often for a table"
    each = usd_per_month(part.machine_type, config.cluster.location)
    if each is None:
        return None, why_not_priced(part.machine_type, config.cluster.location)
    return MoneyRange(each * nodes.least, each * nodes.most), ""


def capacity_change(before: PoolsByName | None, after: PoolsByName | None) -> Capacity:
    """The pools that differ, and the sums over all pools."""
    was, now = before or {}, after or {}
    return Capacity(
        pools=tuple(
            PoolChange(name, was.get(name), now.get(name))
            for name in sorted(was.keys() | now.keys())
            if was.get(name) != now.get(name)
        ),
        before=_totals(before) if before is not None else None,
        after=_totals(after) if after is not None else None,
    )


def _totals(pools: PoolsByName) -> Totals:
    every = pools.values()
    money = [pool.usd_per_month for pool in every if pool.usd_per_month]
    return Totals(
        nodes=_sum(every, lambda pool: pool.nodes),
        gpus=_sum(every, lambda pool: pool.gpus),
        mig_instances=_sum(every, lambda pool: pool.mig_instances),
        usd_per_month=MoneyRange(sum(one.least for one in money), sum(one.most for one in money)),
        not_priced=tuple(sorted(name for name, pool in pools.items() if pool.usd_per_month is None)),
    )


Item = TypeVar("Item")


def _sum(items: Iterable[Item], of: Callable[[Item], Range]) -> Range:
    ranges = [of(item) for item in items]
    return Range(sum(one.least for one in ranges), sum(one.most for one in ranges))
