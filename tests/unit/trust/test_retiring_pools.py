"""A pool on its way out is spoken of as long as it shares GPUs in a way that the controls in force would refuse."""

import pytest

from infra.posture import posture_of as whole_posture_of
from infra.retiring_findings import retiring_findings
from infra.trust.posture import Finding, Severity
from tests.unit.trust.stacks import (
    TODAY,
    Document,
    config_of,
    document,
    mig,
    model,
    pool,
    posture_of,
    tenant,
)

GKE: Document = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
SLICED: Document = {"kind": "time_slicing", "clients": 4}
TWO = (tenant("one", "small"), tenant("two", "small"))


def parts(*controls: str, tenants: tuple[Document, ...] = TWO, **leaving: object) -> Document:
    made = document(
        trust={"enable": list(controls)},
        pools=[pool("cpu", "cpu"), pool("gpu", "nvidia-h100-80gb", partition=mig())],
        models=[model("small", "cpu")],
        tenants=tenants,
    )
    return {**made, "cluster": GKE, "retiring_pools": [{**pool("old", "nvidia-h100-80gb"), **leaving}]}


def said(made: Document) -> list[Finding]:
    return list(retiring_findings(config_of(made), posture_of(made)))


@pytest.mark.parametrize(
    ("controls", "control"), [(("HW2",), "HW2"), (("HW1",), "HW1"), (("HW1", "HW2"), "HW2")], ids=str
)
def test_a_time_sliced_pool_that_stands_is_warned_of(controls: tuple[str, ...], control: str) -> None:
    (finding,) = said(parts(*controls, partition=SLICED))

    assert (finding.severity, finding.control) == (Severity.WARNING, control)
    assert finding.path == "bulkhead:retiring_pools[0]"
    assert "Node pool old-shared-4 still stands" in finding.message
    assert "No engine and no new job is placed on it" in finding.message
    assert "Take its record out of bulkhead:retiring_pools" in finding.message
    assert "run bulkhead transition --stack test" in finding.message


@pytest.mark.parametrize("partition", [SLICED, {"kind": "whole"}], ids=["sliced", "whole"])
def test_of_hw1_no_more_is_said_than_that_tenants_may_meet(partition: Document) -> None:
    """Who runs there is not in the stack file: it may be one tenant alone, or nothing but engines have run there."""
    (by_hw1,) = said(parts("HW1", partition=partition))
    by_hw2 = [finding.message for finding in said(parts("HW2", partition=partition))]

    assert "HW1 keeps tenants apart who may still meet on its GPUs or nodes" in by_hw1.message
    assert "would refuse it" not in by_hw1.message
    assert all("HW2 would refuse it among the pools in use" in message for message in by_hw2)


def test_whole_gpus_that_pass_from_tenant_to_tenant_are_warned_of_under_hw1_alone() -> None:
    assert [finding.control for finding in said(parts("HW1"))] == ["HW1"]
    assert said(parts("HW2")) == []


@pytest.mark.parametrize(
    "made",
    [
        parts(partition=SLICED),
        parts("HW1", partition=mig()),
        parts("HW1", dedicated_to="one"),
        parts("HW1", tenants=(tenant("one", "small"),)),
        parts("HW1", dedicated_to="one", partition=SLICED),
        parts("HW1", tenants=(tenant("one", "small"),), partition=SLICED),
        parts("HW1", "HW2", accelerator="cpu"),
    ],
    ids=["neither in force", "mig", "dedicated", "one tenant", "dedicated slices", "one tenant's slices", "no GPUs"],
)
def test_what_the_controls_would_let_be_is_not_spoken_of(made: Document) -> None:
    assert said(made) == []


def test_mig_is_spoken_of_where_a_tenant_may_meet_nobody_on_a_node() -> None:
    tenants = (tenant("one", "small"), tenant("two", "small", sensitive=True))

    assert [finding.control for finding in said(parts("HW1", tenants=tenants, partition=mig()))] == ["HW1"]


def test_the_posture_carries_the_warning() -> None:
    posture = whole_posture_of("test", config_of(parts("HW2", partition=SLICED)), TODAY)

    assert [one.path for one in posture.warnings if "still stands" in one.message] == ["bulkhead:retiring_pools[0]"]


@pytest.mark.parametrize("name", ["nowhere-whole", "gpu-mig-1g-10g"])
def test_a_pool_that_is_said_to_be_empty_is_told_with_the_pools_that_there_are(name: str) -> None:
    """The file cannot tell a slip from a pool that has left it."""
    made = {**parts(), "retiring_pools": [], "emptied_pools": [name]}

    (finding,) = [one for one in whole_posture_of("test", config_of(made), TODAY).findings if "emptied" in one.path]

    assert (finding.severity, finding.path) == (Severity.WARNING, "bulkhead:emptied_pools[0]")
    assert f"No node pool of this file is called {name}" in finding.message
    assert "The node pools with GPUs here are `gpu-mig-1g-10gb`" in finding.message
    assert ("Write: gpu-mig-1g-10gb, if that is meant" in finding.message) == (name != "nowhere-whole")
