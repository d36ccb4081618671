"""What to write so that a sensitive tenant's own engines of common models have nodes of their own."""

from collections.abc import Iterator
from math import ceil

from infra.config.accelerators import dotted
from infra.config.engine_pools import groups_asked_for, obstacle
from infra.config.models import Model
from infra.config.pools import MigPartition, Pool
from infra.config.stack import StackConfig
from infra.config.tenants import Tenant
from infra.config.words import added, engines_in_words

_SHOWN = 4


def pool_to_add(config: StackConfig, tenant: Tenant, home: Pool) -> str | None:
    """The pool that would run the engines that `tenant` has of its own on `home`, with the sum of what they take.

    None where it has none there, and where `home` itself can be its own: nobody else has engines or quota there.
    """
    here = [
        (model, group)
        for model in config.models
        for group in groups_asked_for(model, config.tenants, config.pools, config.trust)
        if group.pool == home.name
    ]
    models = [model for model, group in here if group.owner == tenant.name]
    if not models or (len(models) == len(here) and not _quotas_of_others(config, tenant, home)):
        return None
    taken = [(model.engines_at_most * model.devices, _in_words(model)) for model in models]
    return (
        f"a pool with dedicated_to: {tenant.name}, on which {tenant.name}'s own engines then run by themselves:"
        f" {added(taken, 'device')} of {home.device_gigabytes} GB or more, on GPUs of compute capability"
        f" {dotted(home.compute_capability)} or higher, as {_like(home, models)} has."
        f" {_own_pools(config, tenant, home, models)}"
    )


def _quotas_of_others(config: StackConfig, tenant: Tenant, home: Pool) -> bool:
    return any(config.gpu_quota(other).get(home.name, 0) for other in config.tenants if other.name != tenant.name)


def _in_words(model: Model) -> str:
    return engines_in_words(model.name, model.engines_at_most, model.devices, successor=model.surge)


def _like(home: Pool, models: list[Model]) -> str:
    """A pool with nodes as those of `home` and room for the models' engines, each whole on a node, as a file has it."""
    on_each_node, keys = home.gpus_on_each_node, [f"accelerator: {home.accelerator}"]
    if home.gpus_on_each_node > 1:
        keys.append(f"gpus_per_node: {home.gpus_on_each_node}")
    if isinstance(home.partition, MigPartition):
        on_each_node = home.devices_on_each_node
        keys.append(f"partition: {{kind: mig, size: {home.partition.size}}}")
    keys += _gke_keys(home)
    nodes = sum(ceil(model.engines_at_most / max(on_each_node // model.devices, 1)) for model in models)
    return f"{{{', '.join(keys)}, nodes: {{max: {nodes}}}}}"


def _gke_keys(home: Pool) -> Iterator[str]:
    """What makes its nodes more than GPUs, on GKE: without it another pool would not do, or not be made at all."""
    if home.machine_type:
        yield f"machine_type: {home.machine_type}"
    if home.spot:
        yield "spot: true"
    if home.confidential:
        yield "confidential: true"
    if home.sandbox:
        yield f"sandbox: {home.sandbox}"


def _own_pools(config: StackConfig, tenant: Tenant, home: Pool, models: list[Model]) -> str:
    """Why the pools that the tenant has do not do."""
    found = list(_obstacles(config, tenant, home, models))
    if not found:
        return f"{tenant.name} has no pool of its own now"
    more = len(found) - _SHOWN
    others = f"; and {more} more" if more > 0 else ""
    return f"Those that it has do not do: {'; '.join(found[:_SHOWN])}{others}"


def _obstacles(config: StackConfig, tenant: Tenant, home: Pool, models: list[Model]) -> Iterator[str]:
    for pool in sorted(config.pools, key=lambda pool: pool.name):
        for model in models:
            if pool.dedicated_to == tenant.name and (because := obstacle(model, home, pool)):
                yield f"{pool.name} for {model.name}, since {because}"
