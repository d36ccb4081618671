import datetime
import random
from collections import Counter
from dataclasses import asdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.blueprint import names
from infra.blueprint.model import Blueprint
from infra.blueprint.trusted import trusted_blueprint
from infra.config.loader import parse
from infra.config.stack import StackConfig
from tests.strategies import documents

TODAY = datetime.date(2026, 11, 24)


def config_of(document: dict[str, Any]) -> StackConfig:
    config = parse(document, TODAY)
    assert isinstance(config, StackConfig), config
    return config


def blueprint_of(document: dict[str, Any]) -> Blueprint:
    return trusted_blueprint("test", config_of(document))


@given(documents(), st.randoms())
def test_the_order_of_pools_models_and_tenants_changes_nothing(
    document: dict[str, Any], shuffler: random.Random
) -> None:
    before = blueprint_of(document)
    shuffled = dict(document)
    for key in ("bulkhead:pools", "bulkhead:models", "bulkhead:tenants"):
        shuffled[key] = shuffler.sample(document[key], len(document[key]))
    assert asdict(blueprint_of(shuffled)) == asdict(before)


@given(documents())
def test_engines_and_guaranteed_quotas_never_exceed_a_pools_maximum(document: dict[str, Any]) -> None:
    config = config_of(document)
    blueprint = trusted_blueprint("test", config)
    guaranteed: Counter[str] = Counter()
    for queue in blueprint.quota.cluster_queues:
        guaranteed.update({flavor.flavor: flavor.nominal for group in queue.groups for flavor in group.flavors})
    for pool in config.gpu_pools:
        assert guaranteed[pool.node_pool_name] <= pool.devices_at_most


@given(documents())
def test_every_tenant_has_one_account_and_one_queue(document: dict[str, Any]) -> None:
    blueprint = blueprint_of(document)
    tenants = sorted(tenant["name"] for tenant in document["bulkhead:tenants"])
    assert [tenant.name for tenant in blueprint.tenants] == tenants
    assert sorted(queue.tenant for queue in blueprint.quota.cluster_queues if queue.tenant) == tenants
    assert sorted(queue.tenant for queue in blueprint.quota.local_queues if queue.tenant) == tenants


@given(documents())
def test_a_dedicated_pool_is_in_no_other_tenants_queue(document: dict[str, Any]) -> None:
    config = config_of(document)
    blueprint = trusted_blueprint("test", config)
    owners = {
        flavor.name: owner
        for flavor, owner in zip(
            blueprint.quota.flavors,
            (pool.dedicated_to for pool in sorted(config.gpu_pools, key=lambda pool: pool.name)),
            strict=True,
        )
    }
    for queue in blueprint.quota.cluster_queues:
        if queue.tenant:
            for group in queue.groups:
                assert {owners[flavor.flavor] for flavor in group.flavors} <= {None, queue.tenant}


@given(documents())
def test_kueue_sees_a_resource_in_one_group_and_a_flavor_once(document: dict[str, Any]) -> None:
    for queue in blueprint_of(document).quota.cluster_queues:
        resources = [group.resource for group in queue.groups]
        flavors = [flavor.flavor for group in queue.groups for flavor in group.flavors]
        assert len(set(resources)) == len(resources)
        assert len(set(flavors)) == len(flavors)


def document_with(sensitive: bool) -> dict[str, Any]:
    price = {"input_usd_per_million_tokens": 1.0, "output_usd_per_million_tokens": 1.0}
    return {
        "bulkhead:cluster": {"kind": "existing", "context": "test"},
        "bulkhead:pools": [
            {"name": "cpu", "accelerator": "cpu", "nodes": {"max": 1}},
            {"name": "own", "accelerator": "nvidia-h100-80gb", "nodes": {"max": 2}, "dedicated_to": "clinic"},
            {"name": "shared", "accelerator": "nvidia-l4", "nodes": {"max": 2}},
        ],
        "bulkhead:models": [{"name": "tiny", "source": "/models/tiny", "pool": "cpu", "price": price}],
        "bulkhead:tenants": [
            {
                "name": "clinic",
                "models": ["tiny"],
                "budget": {"usd": 1.0},
                "gpu_quota": {"own": 1},
                "sensitive": sensitive,
            }
        ],
    }


def flavors_of_clinic(sensitive: bool) -> list[str]:
    queues = blueprint_of(document_with(sensitive)).quota.cluster_queues
    clinic = next(queue for queue in queues if queue.tenant == "clinic")
    return [flavor.flavor for group in clinic.groups for flavor in group.flavors]


def test_a_sensitive_tenant_borrows_no_gpu_beyond_the_pools_that_it_names() -> None:
    assert flavors_of_clinic(sensitive=True) == ["own-whole"]


def test_another_tenant_borrows_what_is_idle_in_shared_pools() -> None:
    assert flavors_of_clinic(sensitive=False) == ["own-whole", "shared-whole"]


def test_engines_of_gpu_models_enter_through_the_serving_queue_and_cpu_engines_through_none() -> None:
    document = document_with(sensitive=False)
    model = {**document["bulkhead:models"][0], "name": "large", "pool": "shared"}
    document["bulkhead:models"] = [document["bulkhead:models"][0], model]
    blueprint = blueprint_of(document)
    large, tiny = blueprint.engines
    assert tiny.queue is None
    assert large.queue is not None
    entrance = next(queue for queue in blueprint.quota.local_queues if queue.tenant is None)
    assert (entrance.name, entrance.namespace) == (large.queue.local_queue, large.namespace)
    assert entrance.cluster_queue == names.SERVING_QUEUE
