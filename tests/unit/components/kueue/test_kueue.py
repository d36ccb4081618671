"""Kueue's chart: where it comes from and what it is told."""

import dataclasses
from typing import Any, cast

import pytest
import yaml

from components.kueue import Kueue, KueueArgs
from infra.blueprint.model import (
    ChartLocation,
    ChartPart,
    FolderChartLocation,
    OciChartLocation,
    QuotaPart,
    RepositoryChartLocation,
)
from infra.plan import PlannedResource, record

QUOTA = QuotaPart(
    namespace="kueue-system",
    chart=ChartPart(OciChartLocation("oci://registry.example.com/charts/kueue"), "0.19.2"),
    image="registry.example.com/kueue/kueue:v0.19.2",
    replicas=1,
    managed_namespace_labels={"example.com/managed": "yes"},
    cohort="all",
    flavors=(),
    cluster_queues=(),
    local_queues=(),
    priority_classes=(),
)


def chart(part: QuotaPart = QUOTA) -> PlannedResource:
    plan = record("test", lambda: _make(part))
    (only,) = plan.of_type("kubernetes:helm.sh/v4:Chart")
    return only


def _make(part: QuotaPart) -> None:
    Kueue("kueue", KueueArgs(part))


def values(part: QuotaPart = QUOTA) -> dict[str, Any]:
    return cast("dict[str, Any]", chart(part).inputs["values"])


def manager_configuration(part: QuotaPart = QUOTA) -> dict[str, Any]:
    return yaml.safe_load(values(part)["managerConfig"]["controllerManagerConfigYaml"])


@pytest.mark.parametrize(
    ("location", "source", "version", "repository"),
    [
        (OciChartLocation("oci://r.example.com/kueue"), "oci://r.example.com/kueue", "0.19.2", None),
        (
            RepositoryChartLocation("https://charts.example.com", "kueue"),
            "kueue",
            "0.19.2",
            "https://charts.example.com",
        ),
        (FolderChartLocation(".charts/kueue"), ".charts/kueue", None, None),
    ],
)
def test_the_chart_comes_from_where_the_stack_says(
    location: ChartLocation, source: str, version: str | None, repository: str | None
) -> None:
    inputs = chart(dataclasses.replace(QUOTA, chart=ChartPart(location, "0.19.2"))).inputs

    assert inputs["chart"] == source
    assert inputs.get("version") == version
    assert cast("dict[str, Any]", inputs.get("repositoryOpts") or {}).get("repo") == repository


def test_the_release_is_called_kueue_so_that_object_names_do_not_depend_on_pulumi() -> None:
    assert chart().inputs["name"] == "kueue"
    assert chart().inputs["namespace"] == "kueue-system"


def test_the_image_is_pinned_and_not_pulled_again() -> None:
    image = values()["controllerManager"]["manager"]["image"]

    assert image == {"repository": "registry.example.com/kueue/kueue", "tag": "v0.19.2", "pullPolicy": "IfNotPresent"}


def test_an_image_from_a_registry_with_a_port_keeps_its_registry() -> None:
    part = dataclasses.replace(QUOTA, image="mirror.example.com:5000/kueue/kueue:v0.19.2")

    image = values(part)["controllerManager"]["manager"]["image"]

    assert (image["repository"], image["tag"]) == ("mirror.example.com:5000/kueue/kueue", "v0.19.2")


def test_webhooks_see_only_namespaces_that_opted_in() -> None:
    assert manager_configuration()["managedJobsNamespaceSelector"] == {"matchLabels": {"example.com/managed": "yes"}}


def test_jobs_without_a_queue_are_left_alone() -> None:
    assert manager_configuration()["manageJobsWithoutQueueName"] is False


def test_nothing_but_devices_is_rationed() -> None:
    excluded = manager_configuration()["resources"]["excludeResourcePrefixes"]

    assert {"cpu", "memory", "ephemeral-storage"} <= set(excluded)
    assert not any("nvidia.com/gpu".startswith(prefix) for prefix in excluded)


def test_two_replicas_get_a_disruption_budget_and_one_does_not() -> None:
    two = values(dataclasses.replace(QUOTA, replicas=2))["controllerManager"]

    assert two["replicas"] == 2
    assert two["podDisruptionBudget"]["enabled"] is True
    assert values()["controllerManager"]["podDisruptionBudget"]["enabled"] is False
