"""From YAML to objects, in the order in which they depend on each other."""

from pathlib import Path
from typing import Any

import pytest

from lab.engine.kubernetes.manifests import (
    group_objects,
    helm_arguments,
    ordered,
    parse_documents,
    with_namespaces,
)
from lab.engine.plumbing import Failure

Object = dict[str, Any]

SPACE: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kueue-system"}}
DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Namespaced"},
}
WIDGET: Object = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "it"}}
CONFIG: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it", "namespace": "kueue-system"}}


def test_definitions_and_namespaces_come_before_what_needs_them() -> None:
    children = ordered([WIDGET, CONFIG, DEFINITION, SPACE])
    assert [child.obj["kind"] for child in children] == [
        "CustomResourceDefinition",
        "Namespace",
        "Widget",
        "ConfigMap",
    ]
    assert [child.after for child in children] == [(), (), (0,), (1,)]


def test_an_object_that_needs_neither_waits_for_nothing() -> None:
    other: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "it", "namespace": "elsewhere"}}
    assert ordered([SPACE, DEFINITION, other])[2].after == ()


def test_a_namespace_is_filled_in_only_for_namespaced_kinds() -> None:
    definition, widget = with_namespaces([DEFINITION, WIDGET], "team", None)
    assert "namespace" not in definition["metadata"]
    assert widget["metadata"]["namespace"] == "team"


def test_a_namespace_that_is_named_stays() -> None:
    assert with_namespaces([CONFIG], "team", None)[0]["metadata"]["namespace"] == "kueue-system"


def test_lists_are_taken_apart_and_empty_documents_skipped() -> None:
    text = """
---
apiVersion: v1
kind: ConfigMapList
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
---
# nothing here
---
{apiVersion: v1, kind: Service, metadata: {name: c}}
"""
    assert [obj["metadata"]["name"] for obj in parse_documents(text, "it")] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "values.yaml is not valid YAML"),
        ("just text", "no Kubernetes object"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {}}", "holds a ConfigMap without a name"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_origin(text: str, told: str) -> None:
    with pytest.raises(Failure, match=told):
        parse_documents(text, "values.yaml")


def test_a_group_reads_files_text_and_objects(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
    inline = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}"
    found = group_objects({"files": [str(file)], "yaml": inline, "objs": [SPACE]})
    assert sorted(obj["metadata"]["name"] for obj in found) == ["a", "b", "kueue-system"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"no manifest file .*none\.yaml"):
        group_objects({"files": [str(tmp_path / "none.yaml")]})


def test_a_missing_chart_folder_is_named_before_helm_runs() -> None:
    with pytest.raises(Failure, match=r"no chart at \./charts/none"):
        helm_arguments({"chart": "./charts/none"}, "team")


def test_a_charts_inputs_become_helms_own(tmp_path: Path) -> None:
    words = helm_arguments({"chart": "oci://registry.k8s.io/kueue/charts/kueue", "version": "0.19.2"}, "kueue-system")
    assert words[0] == "oci://registry.k8s.io/kueue/charts/kueue"
    assert words[words.index("--version") + 1] == "0.19.2"
    assert "--include-crds" in words
    assert "--no-hooks" in words


def test_a_repository_password_never_becomes_an_argument() -> None:
    private = {"chart": "kueue", "repositoryOpts": {"repo": "https://charts.example", "password": "p"}}
    with pytest.raises(Failure, match="helm registry login"):
        helm_arguments(private, "team")
