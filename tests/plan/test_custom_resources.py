"""Every custom resource fits the definition of the pinned version, so that the API server will take it."""

import dataclasses
import os
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

import jsonschema
import pytest

from components.endpoint_picker.objects import picking_objects
from components.gateway.exposure import exposure_objects
from infra.blueprint.model import (
    EndpointPickerPart,
    ListenerPart,
    ManagedCertificatePart,
    NewListenerPart,
    RoutePart,
    SecretCertificatePart,
)
from infra.plan import Plan, PlannedResource
from tests.plan.crds import DefinitionsNotAtHandError, schema_of
from tests.plan.stacks import STACKS, committed_plan
from tests.unit.components.parts import ENGINE, GATEWAY

CUSTOM_GROUPS = ("kueue.x-k8s.io/",)


@pytest.fixture(params=STACKS)
def plan(request: pytest.FixtureRequest) -> Plan:
    return committed_plan(request.param)


def custom_resources(plan: Plan) -> list[PlannedResource]:
    return [one for one in plan.resources if str(one.inputs.get("apiVersion", "")).startswith(CUSTOM_GROUPS)]


def strict_schema(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The kind's schema, in which a field that is not defined is wrong: the API server would drop it in silence."""
    try:
        schema = schema_of(manifest["apiVersion"], manifest["kind"])
    except DefinitionsNotAtHandError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the definitions cannot be had: {error}")
        pytest.skip(f"the definitions cannot be had: {error}")
    strict = deepcopy(schema)
    _make_strict(strict)
    return strict


def _make_strict(schema: Any) -> None:
    if isinstance(schema, dict):
        fields = cast("dict[str, Any]", schema)
        for value in fields.values():
            _make_strict(value)
        if "properties" in fields and not fields.get("x-kubernetes-preserve-unknown-fields"):
            fields.setdefault("additionalProperties", False)
        if fields.get("x-kubernetes-int-or-string"):
            fields.pop("type", None)
    if isinstance(schema, list):
        for item in cast("list[Any]", schema):
            _make_strict(item)


def faults(manifest: Mapping[str, Any]) -> list[str]:
    validator = cast("Any", jsonschema.Draft202012Validator(strict_schema(manifest)))
    without_metadata = {key: value for key, value in manifest.items() if key != "metadata"}
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(without_metadata)]


def test_every_custom_resource_fits_its_definition(plan: Plan) -> None:
    found = custom_resources(plan)

    assert found
    assert {one.urn: faults(one.inputs) for one in found if faults(one.inputs)} == {}


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        ("ClusterQueue", {"spec": {"cohort": "all"}}),
        ("ClusterQueue", {"spec": {"preemption": {"reclaimWithinCohort": "Always"}}}),
        ("LocalQueue", {"spec": {"clusterQueues": "tenant-red"}}),
        ("ResourceFlavor", {"spec": {"tolerations": [{"key": "a", "operator": "Exists", "effects": "NoSchedule"}]}}),
        ("WorkloadPriorityClass", {"description": "no value"}),
    ],
)
def test_a_wrong_field_would_be_seen(kind: str, broken: Mapping[str, Any]) -> None:
    """The twin of the test above: fields of an older version, misspelt ones and unknown values do not pass."""
    assert faults({"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, **broken})


LISTENERS: tuple[ListenerPart | NewListenerPart, ...] = (
    ListenerPart("ingress", "shared", "https"),
    NewListenerPart("envoy", SecretCertificatePart("llm-tls")),
    NewListenerPart("gke-l7-rilb", ManagedCertificatePart("project", "europe-west4")),
    NewListenerPart("gke-l7-global-external-managed", ManagedCertificatePart("project", None)),
)


@pytest.mark.parametrize("listener", LISTENERS)
def test_the_gateway_s_route_fits_the_gateway_api(listener: ListenerPart | NewListenerPart) -> None:
    part = dataclasses.replace(GATEWAY, route=RoutePart("llm.example.com", listener, google_policies=False))

    for manifest in exposure_objects(part).values():
        assert faults(manifest) == []


def test_a_wrong_field_of_a_route_would_be_seen() -> None:
    wrong = {"rules": [{"matches": [{"path": {"type": "Whole", "value": "/"}}], "backend": []}]}

    assert len(faults({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "spec": wrong})) == 2


@pytest.mark.parametrize("fails_closed", [True, False])
def test_an_endpoint_picker_s_objects_fit_the_gateway_api_and_its_inference_extension(fails_closed: bool) -> None:
    picker = EndpointPickerPart("picker:v1", "istio", "istio-system", scores_prefixes=True, fails_closed=fails_closed)
    objects = picking_objects(dataclasses.replace(ENGINE, picker=picker), picker)

    assert {manifest["kind"] for manifest in objects.values()} == {"InferencePool", "Gateway", "HTTPRoute"}
    assert {name: faults(manifest) for name, manifest in objects.items() if faults(manifest)} == {}


def test_a_wrong_field_of_a_pool_would_be_seen() -> None:
    """The last two are how the older, experimental version of the kind was written."""
    reference = {"name": "picker", "failureMode": "Closed"}
    wrong = {"endpointPickerRef": reference, "targetPortNumber": 8000, "extensionRef": {"name": "picker"}}

    assert len(faults({"apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool", "spec": wrong})) >= 3
