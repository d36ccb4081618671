"""What the tables of accelerators and machines say of each other."""

import pytest

from infra.config.accelerators import BUILT_IN, FACTS, accelerators_with
from infra.config.pools import CPU_MACHINE_TYPE


@pytest.mark.parametrize("machine_type", sorted(BUILT_IN))
def test_a_machine_s_family_has_the_gpus_that_are_built_into_it(machine_type: str) -> None:
    _, accelerator = BUILT_IN[machine_type]

    assert accelerators_with(machine_type) == (accelerator,)


def test_every_accelerator_may_have_its_usual_machines() -> None:
    for accelerator, facts in FACTS.items():
        assert all(accelerator in accelerators_with(machine) for machine in facts.machine_types.values())


def test_the_usual_machine_of_pools_without_gpus_takes_none() -> None:
    assert accelerators_with(CPU_MACHINE_TYPE) == ("cpu",)
