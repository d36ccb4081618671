"""Nodes: how large their boot disks are."""

import pytest

from infra.blueprint.nodes import BASE_DISK_GIGABYTES, boot_disk_gigabytes
from infra.config.accelerators import Accelerator
from infra.config.models import Model
from infra.config.pools import MigPartition, NodeRange, Pool
from infra.config.tenants import Budget, Tenant

POOL = Pool(name="l4", accelerator=Accelerator.NVIDIA_L4, gpus_per_node=2, nodes=NodeRange(max=4))


def model(name: str, gibibytes: int, *, gpus: int = 1, replicas: int = 1, source: str = "example/model") -> Model:
    return Model(name=name, source=source, pool="l4", gpus=gpus, replicas=replicas, weights_gibibytes=gibibytes)


def room(*models: Model, pool: Pool = POOL) -> int:
    return boot_disk_gigabytes(pool, models) - BASE_DISK_GIGABYTES


def test_a_node_without_engines_has_the_base() -> None:
    assert room() == 0


def test_weights_are_gibibytes_and_disks_gigabytes() -> None:
    assert room(model("one", 100)) == 108


@pytest.mark.parametrize(("replicas", "gigabytes"), [(1, 108), (2, 215), (3, 215)])
def test_as_many_engines_meet_as_the_nodes_devices_go_round(replicas: int, gigabytes: int) -> None:
    assert room(model("one", 100, replicas=replicas)) == gigabytes


def test_the_heaviest_engines_for_each_device_are_the_ones_counted() -> None:
    assert room(model("light", 10, replicas=2), model("heavy", 100, replicas=2)) == 215


def test_an_engine_that_takes_the_whole_node_meets_no_other() -> None:
    assert room(model("large", 300, gpus=2), model("small", 10)) == 323


def test_no_mix_of_engines_needs_more_than_is_counted() -> None:
    pool = POOL.model_copy(update={"gpus_per_node": 4})
    assert room(model("three", 300, gpus=3), model("pair", 190, gpus=2, replicas=2), pool=pool) >= 408


def test_weights_in_an_image_take_no_room_of_their_own() -> None:
    assert room(model("one", 100, source="/models/tiny")) == 0


def test_models_of_other_pools_are_not_counted() -> None:
    assert room(model("one", 100), pool=POOL.model_copy(update={"name": "other"})) == 0


def test_a_sensitive_tenant_s_own_pool_holds_the_weights_of_its_engines_before_kv1_is_in_force() -> None:
    own = POOL.model_copy(update={"name": "own", "dedicated_to": "clinic"})
    common, clinic, other = model("one", 100), tenant("clinic", sensitive=True), tenant("other", sensitive=False)

    def gigabytes(*tenants: Tenant) -> list[int]:
        pools = [POOL, own]
        return [boot_disk_gigabytes(pool, [common], tenants, pools) - BASE_DISK_GIGABYTES for pool in pools]

    assert gigabytes(clinic, other) == [108, 108]
    assert gigabytes(clinic) == [108, 108]
    assert gigabytes(other) == [108, 0]


def tenant(name: str, *, sensitive: bool) -> Tenant:
    return Tenant(name=name, models=("one",), budget=Budget(usd=1), sensitive=sensitive)


def test_each_mig_instance_can_hold_an_engine() -> None:
    partition = MigPartition(kind="mig", size="1g.20gb")
    pool = POOL.model_copy(
        update={"accelerator": Accelerator.NVIDIA_H100_80GB, "gpus_per_node": 1, "partition": partition}
    )
    assert room(model("one", 10, replicas=8), pool=pool) == 43
