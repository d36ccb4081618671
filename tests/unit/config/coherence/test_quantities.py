"""Sizes: none so small that nothing would start."""

from typing import Any

import pytest

from tests.unit.config.documents import only_fault, sound


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "models.0.resources.memory"),
        ({}, "tenants.0.workloads.memory"),
        ({}, "tenants.0.workloads.storage"),
        ({"gateway.database.kind": "in_cluster"}, "gateway.database.storage"),
        ({"observability.kind": "prometheus"}, "observability.storage"),
    ],
)
def test_a_size_below_a_gibibyte_is_refused_with_what_was_probably_meant(changes: dict[str, Any], key: str) -> None:
    fault = only_fault({**changes, key: "16Mi"})

    assert fault.path.endswith(key.rpartition(".")[2])
    assert fault.write.startswith("16Gi, if that is meant")
    assert sound({**changes, key: "1Gi"})
    assert sound({**changes, key: "1024Mi"})
