"""Kyverno's chart: where it comes from, and how little of it is switched on."""

import dataclasses
from typing import Any, cast

import pytest

from components.kyverno import Kyverno, KyvernoArgs
from infra.blueprint.admission import AdmissionAction
from infra.blueprint.model import AdmissionPart, ChartImagePart, ChartPart, OciChartLocation
from infra.plan import PlannedResource, record

PART = AdmissionPart(
    namespace="kyverno",
    chart=ChartPart(OciChartLocation("oci://registry.example.com/charts/kyverno"), "3.9.2"),
    image_registry="registry.example.com",
    image=ChartImagePart("team/kyverno", "v1"),
    first_image=ChartImagePart("team/kyverno-first", "v2"),
    replicas=3,
    action_when_in_force=AdmissionAction.DENY,
    exempt_namespaces=("kube-system",),
    owner_controllers=(),
    gpu_queues=AdmissionAction.DENY,
)


def chart(part: AdmissionPart = PART) -> PlannedResource:
    plan = record("test", lambda: _make(part))
    (only,) = plan.of_type("kubernetes:helm.sh/v4:Chart")
    return only


def _make(part: AdmissionPart) -> None:
    Kyverno("kyverno", KyvernoArgs(part))


def values(part: AdmissionPart = PART) -> dict[str, Any]:
    return cast("dict[str, Any]", chart(part).inputs["values"])


def test_the_chart_comes_from_where_the_stack_says_in_the_pinned_version() -> None:
    inputs = chart().inputs

    assert inputs["chart"] == "oci://registry.example.com/charts/kyverno"
    assert inputs["version"] == "3.9.2"
    assert (inputs["name"], inputs["namespace"]) == ("kyverno", "kyverno")


def test_images_come_from_the_stacks_registry() -> None:
    assert values()["global"]["image"]["registry"] == "registry.example.com"


def test_the_images_of_both_containers_are_named_in_whole() -> None:
    controller = values()["admissionController"]

    assert controller["container"]["image"] == {
        "registry": "registry.example.com",
        "repository": "team/kyverno",
        "tag": "v1",
    }
    assert controller["initContainer"]["image"] == {
        "registry": "registry.example.com",
        "repository": "team/kyverno-first",
        "tag": "v2",
    }


def test_a_chart_without_images_of_the_platforms_names_its_own() -> None:
    controller = values(dataclasses.replace(PART, image=None, first_image=None))["admissionController"]

    assert "image" not in controller["container"]
    assert "image" not in controller["initContainer"]


def test_no_built_in_role_gets_a_verb_on_kyvernos_kinds() -> None:
    assert values()["rbac"]["roles"]["aggregate"] == {"admin": False, "view": False}


def test_policy_exceptions_are_off() -> None:
    assert values()["features"]["policyExceptions"]["enabled"] is False


@pytest.mark.parametrize("controller", ["backgroundController", "cleanupController", "reportsController"])
def test_only_the_admission_controller_runs(controller: str) -> None:
    assert values()[controller]["enabled"] is False


def test_three_replicas_get_a_disruption_budget_and_one_does_not() -> None:
    one = values(dataclasses.replace(PART, replicas=1))["admissionController"]

    assert values()["admissionController"]["replicas"] == 3
    assert values()["admissionController"]["podDisruptionBudget"]["enabled"] is True
    assert one["podDisruptionBudget"]["enabled"] is False
