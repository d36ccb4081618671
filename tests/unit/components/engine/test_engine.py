"""What one model's engines are on the cluster."""

import dataclasses
from typing import Any

import pulumi
import pytest

from components.engine import Engine, EngineArgs
from components.shared.passwords import PASSWORD_INPUTS
from infra.blueprint.model import EnginePart
from tests.unit.components.parts import ENGINE, GPU_ENGINE
from tests.unit.components.recording import Recording, Secret, record, strings


def engine(part: EnginePart = ENGINE, hub_token: str | None = None) -> Recording:
    def program() -> Any:
        component = Engine("engine-x", EngineArgs(part, hub_token))
        return {"key": component.api_key, "url": component.base_url, "secret": component.api_key.is_secret()}

    return record(program)


def pod(recording: Recording) -> dict[str, Any]:
    return recording.one("Deployment").inputs["spec"]["template"]["spec"]


def container(recording: Recording) -> dict[str, Any]:
    (only,) = pod(recording)["containers"]
    return only


def environment(recording: Recording) -> dict[str, Any]:
    return {variable["name"]: variable.get("value") for variable in container(recording)["env"]}


def test_an_engine_is_never_called_vllm() -> None:
    recording = engine()

    assert recording.one("Service").inputs["metadata"]["name"] == "engine-tiny"
    assert recording.one("Deployment").inputs["metadata"]["name"] == "engine-tiny"
    assert pod(recording)["enableServiceLinks"] is False


def test_the_key_is_generated_kept_secret_and_read_from_the_environment() -> None:
    recording = engine()
    (variable,) = (item for item in container(recording)["env"] if item["name"] == "VLLM_API_KEY")

    assert recording.one("Secret").inputs["stringData"] == Secret({"api-key": "generated-engine-x-api-key"})
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "engine-tiny", "key": "api-key"}
    assert recording.returned["key"] == "generated-engine-x-api-key"
    assert recording.returned["secret"] is True


def test_no_secret_stands_where_a_diff_would_show_it() -> None:
    recording = engine(GPU_ENGINE, "sentinel-token")
    shown = " ".join(text for resource in recording.resources for text in strings(resource.inputs))

    assert "sentinel-token" not in shown
    assert "generated-engine-x-api-key" not in shown


def test_another_length_asked_for_later_does_not_replace_the_key() -> None:
    assert set(engine().one("RandomPassword").ignore_changes) == set(PASSWORD_INPUTS)


def test_a_new_hub_token_restarts_the_engines() -> None:
    def annotation(token: str) -> str:
        template = engine(GPU_ENGINE, token).one("Deployment").inputs["spec"]["template"]
        return template["metadata"]["annotations"]["bulkhead.dev/secrets"]

    assert annotation("one") == annotation("one")
    assert annotation("one") != annotation("two")


def test_the_pod_fits_pod_security_restricted_with_a_read_only_root() -> None:
    recording = engine(GPU_ENGINE)

    assert pod(recording)["securityContext"]["runAsNonRoot"] is True
    assert pod(recording)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(recording)["automountServiceAccountToken"] is False
    for each in (*pod(recording)["containers"], *pod(recording)["initContainers"]):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        }


def test_every_cache_lies_on_a_volume_of_the_pod() -> None:
    recording = engine()
    mounted = {mount["mountPath"] for mount in container(recording)["volumeMounts"]}
    variables = environment(recording)

    assert mounted == {"/cache", "/dev/shm", "/tmp"}  # noqa: S108 - paths inside the container
    for name in ("HOME", "XDG_CACHE_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "VLLM_CACHE_ROOT"):
        assert variables[name].startswith("/cache")
    assert all("emptyDir" in volume and volume["emptyDir"]["sizeLimit"] for volume in pod(recording)["volumes"])


def test_the_environment_closes_what_vllm_leaves_open() -> None:
    variables = environment(engine())

    assert variables["VLLM_MAX_N_SEQUENCES"] == "64"
    assert variables["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"
    assert variables["HF_HUB_OFFLINE"] == "1"
    assert variables["USER"] == "vllm"
    assert "VLLM_SERVER_DEV_MODE" not in variables
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" not in variables
    assert "VLLM_CPU_KVCACHE_SPACE" not in variables


def test_weights_from_the_hub_are_staged_before_the_engine_starts() -> None:
    recording = engine(GPU_ENGINE, "token")
    (staging,) = pod(recording)["initContainers"]
    mounts = {mount["name"]: mount for mount in container(recording)["volumeMounts"]}

    assert staging["command"][:3] == ["hf", "download", "example/llama-8b"]
    assert {variable["name"] for variable in staging["env"]} >= {"HF_TOKEN"}
    assert "HF_HUB_OFFLINE" not in {variable["name"] for variable in staging["env"]}
    assert mounts["weights"]["readOnly"] is True
    assert container(recording)["resources"]["requests"]["ephemeral-storage"] == "64Gi"


def test_the_engine_itself_never_sees_the_hub_token() -> None:
    names = {variable["name"] for variable in container(engine(GPU_ENGINE, "token"))["env"]}

    assert "HF_TOKEN" not in names


def test_weights_in_the_image_need_no_staging() -> None:
    assert "initContainers" not in pod(engine())


def test_a_gpu_engine_asks_for_its_devices_where_they_are() -> None:
    recording = engine(GPU_ENGINE)

    assert container(recording)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod(recording)["nodeSelector"] == {"example.com/accelerator": "l4", "example.com/pool": "l4"}
    assert pod(recording)["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_a_cpu_engine_asks_for_no_device_and_no_queue() -> None:
    recording = engine()
    labels = recording.one("Deployment").inputs["metadata"]["labels"]

    assert set(container(recording)["resources"]["limits"]) == {"memory"}
    assert not [label for label in labels if label.startswith("kueue")]


def test_a_gpu_engine_enters_through_its_queue() -> None:
    deployment = engine(GPU_ENGINE).one("Deployment").inputs
    expected = {"kueue.x-k8s.io/queue-name": "serving", "kueue.x-k8s.io/priority-class": "serving-first"}

    assert expected.items() <= deployment["metadata"]["labels"].items()
    assert expected.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert not expected.items() & deployment["spec"]["selector"]["matchLabels"].items()


def test_a_gpu_rollout_needs_no_spare_gpu() -> None:
    strategy = engine(GPU_ENGINE).one("Deployment").inputs["spec"]["strategy"]

    assert strategy["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_where_devices_are_kept_free_for_a_successor_it_comes_first() -> None:
    kept_free = dataclasses.replace(GPU_ENGINE, surge=True)
    strategy = engine(kept_free).one("Deployment").inputs["spec"]["strategy"]

    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_cpu_rollout_leaves_no_gap() -> None:
    strategy = engine().one("Deployment").inputs["spec"]["strategy"]

    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_slow_loads_are_waited_for() -> None:
    deployment = engine(GPU_ENGINE).one("Deployment")
    startup = deployment.inputs["spec"]["template"]["spec"]["containers"][0]["startupProbe"]

    assert startup["periodSeconds"] * startup["failureThreshold"] >= GPU_ENGINE.load_seconds
    assert deployment.inputs["spec"]["progressDeadlineSeconds"] > GPU_ENGINE.load_seconds
    assert deployment.create_timeout == "1920s"
    assert deployment.update_timeout == "3840s"


def test_a_service_does_not_wait_for_what_the_deployment_waits_for() -> None:
    assert engine().one("Service").inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_node_can_always_be_drained(replicas: int) -> None:
    budget = engine(dataclasses.replace(ENGINE, replicas=replicas)).one("PodDisruptionBudget").inputs["spec"]

    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert "minAvailable" not in budget


def test_replicas_spread_over_nodes_and_zones() -> None:
    keys = [constraint["topologyKey"] for constraint in pod(engine())["topologySpreadConstraints"]]

    assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]


@pytest.mark.parametrize(
    "image",
    [
        "registry.example.com/vllm:v0.31.9",
        "registry.example.com:5000/vllm:0.9.0",
        "registry.example.com/vllm:latest",
        "registry.example.com:5000/vllm",
    ],
)
def test_an_image_below_the_floor_is_refused_by_the_advisory_s_name(image: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)'tiny'.*CVE-0000-0001.*0\.32\.0 or newer"):
        Engine("engine-x", EngineArgs(dataclasses.replace(ENGINE, image=image)))


@pytest.mark.parametrize("tag", ["v0.32.0", "0.33.1-cu129", "v1.0.0"])
def test_an_image_at_or_above_the_floor_is_taken(tag: str) -> None:
    assert engine(dataclasses.replace(ENGINE, image=f"registry.example.com/vllm:{tag}")).of("Deployment")


def test_children_belong_to_the_component() -> None:
    recording = engine()
    component = recording.named("engine-x")

    assert {resource.parent for resource in recording.resources if resource is not component} == {component.urn}
    assert all(resource.name.startswith("engine-x-") for resource in recording.resources if resource is not component)


def test_options_reach_the_children() -> None:
    def program() -> None:
        Engine("engine-x", EngineArgs(ENGINE), pulumi.ResourceOptions(protect=True))

    assert all(resource.protect for resource in record(program).resources)


ROTATED = dataclasses.replace(ENGINE, key_generations=(1, 2))
"""Its engines take two keys."""


def test_while_a_key_is_changed_both_are_taken_from_a_file_and_never_from_arguments() -> None:
    recording = engine(ROTATED)
    arguments = container(recording)["args"]
    mount = container(recording)["volumeMounts"][-1]
    volume = pod(recording)["volumes"][-1]
    new, old = "generated-engine-x-api-key.2", "generated-engine-x-api-key"

    assert recording.returned["key"] == new
    assert recording.one("Secret").inputs["stringData"] == Secret(
        {"api-key": old, "accepted-keys.yaml": f'{{"api-key": ["{new}", "{old}"]}}'}
    )
    assert arguments[-2:] == ["--config", "/etc/bulkhead/engine/accepted-keys.yaml"]
    assert mount == {"name": volume["name"], "mountPath": "/etc/bulkhead/engine", "readOnly": True}
    assert volume["secret"]["items"] == [{"key": "accepted-keys.yaml", "path": "accepted-keys.yaml"}]
    assert "generated-" not in " ".join(text for resource in recording.resources for text in strings(resource.inputs))


def test_the_first_key_is_the_same_resource_before_and_while_it_is_changed() -> None:
    before, during = (engine(part).named("engine-x-api-key") for part in (ENGINE, ROTATED))

    assert (before.urn, before.inputs) == (during.urn, during.inputs)


def test_once_the_first_key_has_ended_one_key_comes_by_the_environment_again() -> None:
    ended = engine(dataclasses.replace(ENGINE, key_generations=(2,)))

    assert [key.name for key in ended.of("RandomPassword")] == ["engine-x-api-key.2"]
    assert "--config" not in container(ended)["args"]
    assert pod(ended) == pod(engine())


def test_each_step_of_a_change_of_keys_restarts_the_engines() -> None:
    def annotation(generations: tuple[int, ...]) -> str:
        part = dataclasses.replace(ENGINE, key_generations=generations)
        template = engine(part).one("Deployment").inputs["spec"]["template"]
        return template["metadata"]["annotations"]["bulkhead.dev/secrets"]

    assert len({annotation(generations) for generations in ((1,), (1, 2), (2,), (2, 3))}) == 4
