"""A plan as manifests: what a scanner reads."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
import yaml

from infra.plan import Plan, PlannedResource, record
from infra.plan.charts import FolderChartRenderer
from infra.plan.manifests import plan_manifests

Program = Callable[[], None]


def not_at_hand(_chart: PlannedResource) -> str:
    return "not at hand"


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def chart(source: str, version: str | None = None) -> Plan:
    def program() -> None:
        kubernetes.helm.v4.Chart(
            "chart", name="release", namespace="place", chart=source, version=version, values={"a": {"b": 1}}
        )

    return record("test", program)


@pytest.fixture
def helm(tmp_path: Path) -> Path:
    """Stands in for helm: answers with an object that holds its arguments and the values it was given."""
    path = tmp_path / "helm"
    path.write_text(
        "#!/bin/sh\n"
        'printf "%s\\n" "kind: ConfigMap" "apiVersion: v1" "metadata: {name: rendered}" "arguments: \\"$*\\""\n'
        'printf "values: %s\\n---\\n" "$(cat)"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "charts" / "thing"
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: thing\n")
    return tmp_path / "project"


def test_namespaces_come_first_and_every_object_is_a_document_of_its_own() -> None:
    def program() -> None:
        kubernetes.core.v1.ConfigMap("a", metadata={"name": "a", "namespace": "z"}, data={"k": "v"})
        kubernetes.core.v1.Namespace("z", metadata={"name": "z"})

    first, second = documents(plan_manifests(record("test", program), not_at_hand))

    assert (first["kind"], second["kind"]) == ("Namespace", "ConfigMap")
    assert list(second) == ["apiVersion", "kind", "metadata", "data"]


def test_only_what_becomes_an_object_is_printed() -> None:
    def program() -> None:
        kubernetes.Provider("kubernetes", context="dev")
        pulumi.ComponentResource("a:b:C", "group")
        kubernetes.core.v1.Namespace("z", metadata={"name": "z"})

    assert [one["kind"] for one in documents(plan_manifests(record("test", program), not_at_hand))] == ["Namespace"]


def test_a_secret_is_a_manifest_without_its_values() -> None:
    def program() -> None:
        password = pulumi.Output.secret("hidden")
        kubernetes.core.v1.Secret("s", metadata={"name": "s"}, string_data={"password": password})

    text = plan_manifests(record("test", program), not_at_hand)

    assert "hidden" not in text
    assert documents(text)[0]["stringData"] == {"password": "[secret]"}


def test_a_chart_that_is_not_at_hand_is_named_in_a_comment() -> None:
    text = plan_manifests(chart("oci://registry.example.com/thing", "1.2.3"), not_at_hand)

    assert text == "# left out: the objects of chart oci://registry.example.com/thing 1.2.3 (not at hand)\n"


def test_a_folders_chart_is_rendered_by_helm_with_its_values(project: Path, helm: Path) -> None:
    text = plan_manifests(chart("charts/thing"), FolderChartRenderer(project, project, helm))

    (rendered,) = documents(text)
    assert rendered["metadata"] == {"name": "rendered"}
    assert rendered["values"] == {"a": {"b": 1}}
    assert "template release" in rendered["arguments"]
    assert "--namespace place" in rendered["arguments"]
    assert "--no-hooks" in rendered["arguments"]


def test_the_labs_charts_stand_for_a_link_that_is_not_there_yet(tmp_path: Path, helm: Path) -> None:
    laid = tmp_path / "laid" / "thing"
    laid.mkdir(parents=True)
    (laid / "Chart.yaml").write_text("name: thing\n")

    text = plan_manifests(chart(".charts/thing"), FolderChartRenderer(tmp_path, tmp_path / "laid", helm))

    assert documents(text)[0]["metadata"] == {"name": "rendered"}


def test_without_helm_the_comment_says_so(project: Path) -> None:
    text = plan_manifests(chart("charts/thing"), FolderChartRenderer(project, project, None))

    assert "there is no helm binary" in text


def test_a_folder_without_a_chart_is_named(project: Path, helm: Path) -> None:
    text = plan_manifests(chart("charts/other"), FolderChartRenderer(project, project, helm))

    assert "there is no chart in charts/other" in text


def test_helms_own_reason_is_passed_on(project: Path, tmp_path: Path) -> None:
    helm = tmp_path / "refusing-helm"
    helm.write_text("#!/bin/sh\necho 'Error: chart requires kubeVersion' >&2\nexit 1\n")
    helm.chmod(0o755)

    text = plan_manifests(chart("charts/thing"), FolderChartRenderer(project, project, helm))

    assert "Error: chart requires kubeVersion" in text
