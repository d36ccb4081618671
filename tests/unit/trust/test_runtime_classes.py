"""A runtime class by which a tenant's pod could see a whole node's GPUs is told, where tenants may name it."""

import pytest

from infra.trust.posture import Finding, Severity
from tests.unit.trust.stacks import document, posture_of


def told(*names: str, tier: str = "adversarial") -> list[Finding]:
    made = document(trust={"tier": tier, "admission": {"runtime_classes": list(names)}})
    return [finding for finding in posture_of(made).findings if "NVIDIA_VISIBLE_DEVICES" in finding.message]


@pytest.mark.parametrize("name", ["nvidia", "nvidia-cdi", "nvidia-legacy"])
def test_a_class_of_nvidia_s_is_warned_of(name: str) -> None:
    (finding,) = told("kata", name)

    assert (finding.severity, finding.control) == (Severity.WARNING, "HW3")
    assert finding.path == "bulkhead:trust.admission.runtime_classes[1]"
    assert f"the runtime class {name}" in finding.message


def test_other_classes_and_tiers_in_which_pods_may_name_any_are_not() -> None:
    assert not told("kata", "gvisor", "nvidiary")
    assert not told("nvidia", tier="trusted")
