"""`bulkhead audit`: how it ends when the cluster cannot be reached."""

import json

import pytest

from tests.unit.cli.conftest import Bulkhead

pytestmark = pytest.mark.usefixtures("kubeconfig")


def test_a_context_that_the_kubeconfig_has_not_is_told(bulkhead: Bulkhead) -> None:
    result = bulkhead("audit", "--context", "elsewhere", "--json")

    (fault,) = json.loads(result.stdout)["faults"]
    assert result.exit_code == 3
    assert fault["path"] == "audit"
    assert "no context elsewhere" in fault["wrong"]
    assert "one of its contexts: test; or --context NAME" in fault["write"]


def test_a_cluster_that_does_not_answer_proves_nothing(bulkhead: Bulkhead) -> None:
    result = bulkhead("audit", "--json")

    (fault,) = json.loads(result.stdout)["faults"]
    assert result.exit_code == 3
    assert "https://127.0.0.1:9 does not answer" in fault["wrong"]
    assert fault["follows"] == "nothing is proven"
