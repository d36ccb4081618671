"""No tenant's pods may name the classes that Kubernetes keeps for what a cluster cannot do without."""

import pytest

from tests.unit.config.documents import only_fault, sound


@pytest.mark.parametrize("name", ["system-node-critical", "system-cluster-critical"])
def test_a_priority_class_of_kubernetes_own_is_refused(name: str) -> None:
    fault = only_fault({"trust.admission.priority_classes": ["batch", name]})

    assert fault.path == "bulkhead:trust.admission.priority_classes[1]"
    assert f"`{name}` is Kubernetes' own" in fault.wrong
    assert "drive everybody else's off their nodes" in fault.follows


def test_a_priority_class_for_tenants_is_accepted() -> None:
    assert sound({"trust.admission.priority_classes": ["batch", "systems"]})
