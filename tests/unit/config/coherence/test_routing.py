"""Endpoint pickers on clusters that cannot carry them are refused."""

from typing import Any

import pytest

from infra.config.tenants import TENANT_NAMESPACE_PREFIX
from tests.unit.config.documents import only_fault, sound


def routing(**settings: Any) -> dict[str, Any]:
    return {"models.0.routing": {"kind": "endpoint_picker", **settings}}


def test_a_picker_on_a_cluster_that_exists_already_is_sound() -> None:
    assert sound(routing())
    assert sound(routing(class_name="istio-internal", controller_namespace="mesh"))


def test_a_cluster_that_this_stack_creates_carries_no_picker() -> None:
    gke = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}

    assert only_fault({"cluster": gke, **routing()}).path == "bulkhead:models[0].routing.kind"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"class_name": "gke-l7-rilb"}, "class_name"),
        ({"controller_namespace": f"{TENANT_NAMESPACE_PREFIX}research"}, "controller_namespace"),
    ],
)
def test_a_data_plane_that_cannot_be_closed_is_refused(settings: dict[str, Any], key: str) -> None:
    assert only_fault(routing(**settings)).path == f"bulkhead:models[0].routing.{key}"
