"""The pod that one engine runs in."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.engine.arguments import (
    ACCEPTED_KEYS,
    ACCEPTED_KEYS_PATH,
    SHUTDOWN_SECONDS,
    WEIGHTS_PATH,
    vllm_arguments,
)
from components.engine.door import DOOR_SIDECAR, door_container
from components.shared import (
    environment,
    from_secret,
    restricted_container_security_context,
    restricted_pod_security_context,
    selector,
    spread,
    tolerations,
)
from infra.blueprint.model import EnginePart, HubWeights

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import (
        ContainerArgsDict,
        KeyToPathArgsDict,
        PodSpecArgsDict,
        ProbeArgsDict,
        ResourceRequirementsArgsDict,
        VolumeArgsDict,
        VolumeMountArgsDict,
    )

CACHE_PATH = "/cache"
PROBE_SECONDS = 10
DRAIN_SECONDS = 10
"""How long a stopping engine goes on answering, until every node has learnt to send it nothing new."""
STOP_SECONDS = 20
"""What vLLM needs to end its processes after the last request."""

SHARED_MEMORY = "256Mi"
SHARED_MEMORY_FOR_PARALLEL = "2Gi"
"""GPUs that hold one model together exchange data through shared memory; 64 MiB, the usual default, is too little
even for one engine process."""

SEQUENCES_PER_REQUEST = 64
"""The most answers that one request may ask for (`n`). vLLM's own limit, 16,384, lets one request fill an engine."""

ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HOME": CACHE_PATH,
    "TORCHINDUCTOR_CACHE_DIR": f"{CACHE_PATH}/inductor",
    "TRITON_CACHE_DIR": f"{CACHE_PATH}/triton",
    "USER": "vllm",
    "VLLM_CACHE_ROOT": f"{CACHE_PATH}/vllm",
    "VLLM_MAX_N_SEQUENCES": str(SEQUENCES_PER_REQUEST),
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "XDG_CACHE_HOME": f"{CACHE_PATH}/xdg",
}
"""Caches are each pod's own: what lies in vLLM's can run as code, so one engine must not write another's. Offline,
since the weights are there and a call to the hub at every start fails whenever the hub does."""

STAGING_ENVIRONMENT = {
    "HF_HOME": f"{CACHE_PATH}/hub",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HOME": CACHE_PATH,
}

API_KEY = "api-key"
HUB_TOKEN = "hub-token"  # noqa: S105 - the name of a key in a Secret


def engine_selector(part: EnginePart) -> dict[str, str]:
    """The labels that tell this model's engines from all other pods."""
    return selector("engine", part.name)


@dataclass(frozen=True)
class DoorNames:
    """What the door reads.

    Attributes:
        configuration: The ConfigMap with its configuration.
        certificate: The Secret with its key and certificate.
    """

    configuration: pulumi.Input[str]
    certificate: pulumi.Input[str]


def pod_spec(
    part: EnginePart, secret_name: pulumi.Input[str], has_hub_token: bool, door: DoorNames | None
) -> "PodSpecArgsDict":
    """The pod of one engine.

    Args:
        part: The engine.
        secret_name: The Secret with the API key, and the hub's token where there is one.
        has_hub_token: Whether the Secret holds a token.
        door: What its door reads; None where the part has none.
    """
    # The weights first: nobody needs a door to an engine that has none.
    first: list[ContainerArgsDict] = []
    if isinstance(part.weights, HubWeights):
        first.append(_staging_container(part, part.weights, secret_name, has_hub_token))
    if part.door is not None:
        first.append(door_container(part.door))
    spec: PodSpecArgsDict = {
        "automount_service_account_token": False,
        "containers": [_engine_container(part, secret_name)],
        "enable_service_links": False,
        "node_selector": dict(sorted(part.runs_on.node_labels.items())),
        "security_context": restricted_pod_security_context(),
        "termination_grace_period_seconds": DRAIN_SECONDS + SHUTDOWN_SECONDS + STOP_SECONDS,
        "tolerations": tolerations(part.runs_on.tolerations),
        "topology_spread_constraints": spread(engine_selector(part)),
        "volumes": [
            *_volumes(part, secret_name),
            *(DOOR_SIDECAR.volumes(door.configuration, door.certificate) if door else ()),
        ],
    }
    if part.runs_on.runtime_class is not None:
        spec["runtime_class_name"] = part.runs_on.runtime_class
    if first:
        spec["init_containers"] = first
    return spec


def _engine_container(part: EnginePart, secret_name: pulumi.Input[str]) -> "ContainerArgsDict":
    return {
        "name": "engine",
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        "command": ["vllm", "serve"],
        "args": list(vllm_arguments(part)),
        "env": [*environment(ENVIRONMENT), from_secret("VLLM_API_KEY", secret_name, API_KEY)],
        "ports": [{"name": "http", "container_port": part.port}],
        "lifecycle": {"pre_stop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "startup_probe": _health(failures=math.ceil(part.load_seconds / PROBE_SECONDS)),
        "readiness_probe": _health(failures=3),
        "liveness_probe": _health(failures=6),
        "resources": _resources(part),
        "security_context": restricted_container_security_context(),
        "volume_mounts": [*_mounts(part, writable=False), *_keys_mount(part)],
    }


def _staging_container(
    part: EnginePart, weights: HubWeights, secret_name: pulumi.Input[str], has_hub_token: bool
) -> "ContainerArgsDict":
    """Lays the weights down before the engine starts; a repetition goes on where the last attempt stopped."""
    token = [from_secret("HF_TOKEN", secret_name, HUB_TOKEN)] if has_hub_token else []
    return {
        "name": "stage-weights",
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        # `original/` is a second copy of the weights in a format that vLLM does not read.
        "command": ["hf", "download", weights.repository, "--local-dir", WEIGHTS_PATH, "--exclude", "original/*"],
        "env": [*environment(STAGING_ENVIRONMENT), *token],
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": part.memory}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": _mounts(part, writable=True),
    }


def _health(failures: int) -> "ProbeArgsDict":
    return {
        "http_get": {"path": "/health", "port": "http"},
        "period_seconds": PROBE_SECONDS,
        "timeout_seconds": 5,
        "failure_threshold": failures,
    }


def _resources(part: EnginePart) -> "ResourceRequirementsArgsDict":
    """CPU without a limit: an engine that is throttled while it schedules a batch leaves its GPU idle."""
    requests = {"cpu": part.cpu, "memory": part.memory}
    limits = {"memory": part.memory}
    if isinstance(part.weights, HubWeights):
        requests["ephemeral-storage"] = f"{part.weights.storage_gibibytes}Gi"
    if part.devices is not None:
        requests[part.devices.resource] = limits[part.devices.resource] = str(part.devices.count)
    return {"requests": requests, "limits": limits}


def _mounts(part: EnginePart, writable: bool) -> "list[VolumeMountArgsDict]":
    mounts: list[VolumeMountArgsDict] = [
        {"name": "cache", "mount_path": CACHE_PATH},
        {"name": "shared-memory", "mount_path": "/dev/shm"},  # noqa: S108 - the kernel's name for it
        {"name": "temporary", "mount_path": "/tmp"},  # noqa: S108 - a volume of this pod alone
    ]
    if isinstance(part.weights, HubWeights):
        mounts.append({"name": "weights", "mount_path": WEIGHTS_PATH, "read_only": not writable})
    return mounts


def _keys_mount(part: EnginePart) -> "list[VolumeMountArgsDict]":
    if len(part.key_generations) == 1:
        return []
    return [{"name": "accepted-keys", "mount_path": ACCEPTED_KEYS_PATH, "read_only": True}]


def _volumes(part: EnginePart, secret_name: pulumi.Input[str]) -> "list[VolumeArgsDict]":
    """Each pod's own scratch space.

    Weights lie on the node, too, not on a claim: a ReadWriteOnce claim holds every replica on one node and a zonal
    disk holds it in one zone, just when an engine has to move to wherever a GPU is free. The price is a download for
    each new pod; `load_seconds` covers it.
    """
    shared_memory = SHARED_MEMORY_FOR_PARALLEL if part.options.tensor_parallel_size > 1 else SHARED_MEMORY
    volumes: list[VolumeArgsDict] = [
        {"name": "cache", "empty_dir": {"size_limit": "4Gi"}},
        {"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": shared_memory}},
        {"name": "temporary", "empty_dir": {"size_limit": "1Gi"}},
    ]
    if isinstance(part.weights, HubWeights):
        size = f"{part.weights.storage_gibibytes}Gi"
        volumes.append({"name": "weights", "empty_dir": {"size_limit": size}})
    if len(part.key_generations) > 1:
        items: list[KeyToPathArgsDict] = [{"key": ACCEPTED_KEYS, "path": ACCEPTED_KEYS}]
        volumes.append({"name": "accepted-keys", "secret": {"secret_name": secret_name, "items": items}})
    return volumes
