"""What an endpoint picker is on the cluster."""

import dataclasses
from typing import Any

import pytest
import yaml

from components.endpoint_picker import EndpointPicker, EndpointPickerArgs
from components.endpoint_picker.configuration import EndpointPickerConfig, picker_configuration
from components.endpoint_picker.names import FAIRNESS_HEADERS, OBJECTIVE_HEADERS
from components.gateway.edge import PASSED_REQUEST_HEADERS
from components.gateway.hooks.fairness import FAIRNESS_HEADER, PREFIXES
from infra.blueprint.model import EndpointPickerPart, EnginePart
from infra.blueprint.platform_network import data_plane_labels, picker_labels
from infra.blueprint.routes import COMPLETION_PATHS
from tests.unit.components.parts import GPU_ENGINE
from tests.unit.components.recording import Recording, record

PICKER = EndpointPickerPart(
    "registry.example.com/picker:v1", "istio", "istio-system", scores_prefixes=True, fails_closed=False
)
BY_LOAD = dataclasses.replace(PICKER, scores_prefixes=False, fails_closed=True)


def picked(picker: EndpointPickerPart = PICKER) -> EnginePart:
    return dataclasses.replace(GPU_ENGINE, picker=picker)


def recorded(picker: EndpointPickerPart = PICKER) -> Recording:
    return record(lambda: EndpointPicker("picker-x", EndpointPickerArgs(picked(picker))) and None)


def plugins(configuration: EndpointPickerConfig) -> set[str]:
    return {plugin["type"] for plugin in configuration["plugins"]}


def test_engines_behind_a_service_have_none() -> None:
    with pytest.raises(ValueError, match="through their Service"):
        EndpointPicker("picker-x", EndpointPickerArgs(GPU_ENGINE))


def test_prefixes_count_where_they_may_and_nowhere_else() -> None:
    for_prefixes = {"approx-prefix-cache-producer", "prefix-cache-scorer"}

    assert for_prefixes <= plugins(picker_configuration(PICKER))
    assert not [name for name in plugins(picker_configuration(BY_LOAD)) if "prefix" in name]


@pytest.mark.parametrize("picker", [PICKER, BY_LOAD])
def test_every_plugin_of_a_profile_is_made_and_one_of_them_picks(picker: EndpointPickerPart) -> None:
    configuration = picker_configuration(picker)
    (profile,) = configuration["schedulingProfiles"]
    used = [plugin["pluginRef"] for plugin in profile["plugins"]]

    assert set(used) <= plugins(configuration)
    assert used[-1] == "max-score-picker"
    assert all(("weight" in plugin) == plugin["pluginRef"].endswith("-scorer") for plugin in profile["plugins"])


@pytest.mark.parametrize(("picker", "mode"), [(PICKER, "FailOpen"), (BY_LOAD, "FailClose")])
def test_what_becomes_of_requests_without_the_picker_is_said_in_so_many_words(
    picker: EndpointPickerPart, mode: str
) -> None:
    reference = recorded(picker).one("InferencePool").inputs["spec"]["endpointPickerRef"]

    assert reference["failureMode"] == mode
    assert reference["name"] == "picker-llama-8b"


def test_the_route_carries_the_paths_that_the_engines_key_guards_and_no_other() -> None:
    (rule,) = recorded().one("HTTPRoute").inputs["spec"]["rules"]

    assert {match["path"]["value"] for match in rule["matches"]} == set(COMPLETION_PATHS)
    assert {match["path"]["type"] for match in rule["matches"]} == {"Exact"}
    assert all(match["path"]["value"].startswith("/v1/") for match in rule["matches"])


def test_no_caller_says_whose_a_request_is_or_how_urgent() -> None:
    (rule,) = recorded().one("HTTPRoute").inputs["spec"]["rules"]
    (modified,) = (one["requestHeaderModifier"] for one in rule["filters"])
    said = {*FAIRNESS_HEADERS, *OBJECTIVE_HEADERS}

    assert not said & {header.lower() for header in PASSED_REQUEST_HEADERS}
    assert said - set(modified["remove"]) == {FAIRNESS_HEADER}
    assert "set" not in modified


def test_the_gateway_sets_the_header_that_the_picker_reads_and_knows_all_that_it_could() -> None:
    assert FAIRNESS_HEADERS[0] == FAIRNESS_HEADER
    assert all(name.startswith(PREFIXES) for name in (*FAIRNESS_HEADERS, *OBJECTIVE_HEADERS))


def test_the_data_plane_asks_for_no_address_outside_the_cluster() -> None:
    gateway = recorded().one("Gateway").inputs

    assert gateway["metadata"]["annotations"] == {"networking.istio.io/service-type": "ClusterIP"}
    assert gateway["spec"]["listeners"][0]["allowedRoutes"]["namespaces"] == {"from": "Same"}


def test_policies_select_the_pods_that_are_made() -> None:
    recording = recorded()
    template = recording.one("Deployment").inputs["spec"]["template"]["metadata"]["labels"]

    def selected(service: str) -> Any:
        return recording.named(service).inputs["spec"]["selector"]

    assert picker_labels(picked()).items() <= template.items()
    assert selected("picker-x-service") == picker_labels(picked())
    assert selected("picker-x-data-plane-service") == data_plane_labels(picked())


def test_another_way_to_pick_is_another_pod() -> None:
    def volume(picker: EndpointPickerPart) -> Any:
        return recorded(picker).one("Deployment").inputs["spec"]["template"]["spec"]["volumes"][0]

    assert volume(PICKER) == volume(PICKER)
    assert volume(PICKER) != volume(dataclasses.replace(PICKER, scores_prefixes=False))


def test_the_picker_reads_and_writes_nothing_and_reads_in_its_namespace_alone() -> None:
    recording = recorded()

    assert {verb for rule in recording.one("Role").inputs["rules"] for verb in rule["verbs"]} == {
        "get",
        "list",
        "watch",
    }
    assert recording.of("ClusterRole") == ()


def test_the_pod_fits_pod_security_restricted_and_reads_the_file_that_is_mounted() -> None:
    recording = recorded()
    pod = recording.one("Deployment").inputs["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (content,) = recording.one("ConfigMap").inputs["data"].values()

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "--config-file=/etc/bulkhead/picker.yaml" in container["args"]
    assert yaml.safe_load(content) == picker_configuration(PICKER)


def test_the_data_plane_is_waited_for_until_one_of_its_pods_is_ready() -> None:
    recording = recorded()
    service = recording.named("picker-x-data-plane-service")

    assert "annotations" not in service.inputs["metadata"]
    assert recording.named("picker-x-data-plane").urn in service.dependencies
