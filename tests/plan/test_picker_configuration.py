"""A picker's configuration fits the types that the inference extension publishes for it, and names plugins it has."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.endpoint_picker.configuration import API_VERSION, picker_file
from infra.blueprint.model import EndpointPickerPart
from tests.plan.crds import DefinitionsNotAtHandError, module_folder

PROGRAM = Path(__file__).parents[1] / "fixtures" / "picker_types"
MODULE = re.compile(r"(sigs\.k8s\.io/gateway-api-inference-extension) (v\S+)")
BY_LOAD = EndpointPickerPart("picker:v1", "istio", "istio-system", scores_prefixes=False, fails_closed=True)
BY_PREFIX = EndpointPickerPart("picker:v1", "istio", "istio-system", scores_prefixes=True, fails_closed=False)
Change = Callable[[dict[str, Any]], object]

pytestmark = pytest.mark.timeout(1200)


@dataclass(frozen=True)
class Published:
    """What the inference extension publishes.

    Attributes:
        program: Reads a configuration into its types.
        plugins: Type of a plugin → the names of its parameters, and of what else its package reads.
    """

    program: Path
    plugins: dict[str, set[str]]

    def fault(self, text: str) -> str:
        """What is wrong with a configuration; empty where nothing is."""
        done = subprocess.run([self.program], input=text, capture_output=True, text=True, check=False, timeout=60)
        return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    try:
        found = MODULE.search((PROGRAM / "go.mod").read_text())
        assert found is not None
        sources = module_folder(f"{found[1]}@{found[2]}") / "pkg" / "epp" / "framework" / "plugins"
        return Published(_built(tmp_path_factory.mktemp("picker") / "check"), _plugins(sources))
    except DefinitionsNotAtHandError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the published types cannot be had: {error}")
        pytest.skip(f"the published types cannot be had: {error}")


def _built(program: Path) -> Path:
    command = ["go", "build", "-mod=readonly", "-o", str(program), "."]
    done = subprocess.run(command, cwd=PROGRAM, capture_output=True, text=True, timeout=1000, check=False)
    if done.returncode:
        raise DefinitionsNotAtHandError(done.stderr)
    return program


def _plugins(sources: Path) -> dict[str, set[str]]:
    """From the constants that end in `Type` and the fields with a name in JSON, folder by folder."""
    found: dict[str, set[str]] = {}
    for folder in {path.parent for path in sources.rglob("*.go")}:
        text = "\n".join(path.read_text() for path in folder.glob("*.go") if not path.name.endswith("_test.go"))
        fields = set(re.findall(r'`json:"(\w+)', text))
        found |= dict.fromkeys(re.findall(r'\b\w+Type\s*(?:string\s*)?= "([a-z-]+)"', text), fields)
    return found


@pytest.mark.parametrize("picker", [BY_LOAD, BY_PREFIX], ids=["by load", "by prefix"])
def test_a_picker_s_configuration_fits_the_published_types(published: Published, picker: EndpointPickerPart) -> None:
    assert published.fault(picker_file(picker)) == ""


def _rename(path: tuple[str | int, ...], name: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        value: Any = document
        for key in path[:-1]:
            value = value[key]
        value[name] = value.pop(path[-1])

    return change


def _text_as_weight(document: dict[str, Any]) -> None:
    document["schedulingProfiles"][0]["plugins"][0]["weight"] = "2"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_rename(("plugins",), "plugin"), "plugin"),
        (_rename(("schedulingProfiles",), "scheduling_profiles"), "scheduling_profiles"),
        (_rename(("plugins", 0, "type"), "kind"), "kind"),
        (_rename(("plugins", 0, "parameters"), "params"), "params"),
        (_rename(("schedulingProfiles", 0, "plugins", 0, "pluginRef"), "plugin"), "plugin"),
        (_rename(("schedulingProfiles", 0, "plugins", 0, "weight"), "weights"), "weights"),
        (_text_as_weight, "weight"),
    ],
)
def test_a_wrong_field_would_be_seen(published: Published, change: Change, named: str) -> None:
    document = yaml.safe_load(picker_file(BY_PREFIX))
    change(document)

    assert named in published.fault(yaml.safe_dump(document))


@pytest.mark.parametrize("picker", [BY_LOAD, BY_PREFIX], ids=["by load", "by prefix"])
def test_every_plugin_is_a_published_one_with_published_parameters(
    published: Published, picker: EndpointPickerPart
) -> None:
    plugins = yaml.safe_load(picker_file(picker))["plugins"]

    assert {plugin["type"] for plugin in plugins} <= published.plugins.keys()
    for plugin in plugins:
        assert set(plugin.get("parameters", {})) <= published.plugins[plugin["type"]]


def test_a_wrong_plugin_and_a_wrong_parameter_would_be_seen(published: Published) -> None:
    assert "prefix-scorer" not in published.plugins
    assert "schema" not in published.plugins["metrics-data-source"]


@pytest.mark.parametrize("picker", [BY_LOAD, BY_PREFIX], ids=["by load", "by prefix"])
def test_every_reference_is_to_a_plugin_of_the_file(picker: EndpointPickerPart) -> None:
    document = yaml.safe_load(picker_file(picker))
    named = {plugin.get("name", plugin["type"]) for plugin in document["plugins"]}

    assert {one["pluginRef"] for profile in document["schedulingProfiles"] for one in profile["plugins"]} <= named
    assert (document["apiVersion"], document["kind"]) == (API_VERSION, "EndpointPickerConfig")
