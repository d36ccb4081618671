"""What is known of machines: every one that a pool with GPUs gets by itself has a row."""

from infra.config.accelerators import FACTS
from infra.config.machines import MACHINE_SIZES


def test_every_machine_that_a_pool_with_gpus_gets_by_itself_has_a_size():
    usual = {machine for facts in FACTS.values() for machine in facts.machine_types.values()}

    assert usual <= set(MACHINE_SIZES)
