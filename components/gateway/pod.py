"""The pod that one gateway replica runs in, and what it shares with the migration's."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from components.cache.connection import CERTIFICATE_AUTHORITY_PATH
from components.gateway.configuration import CACHE_URL_VARIABLE, api_key_variable
from components.shared import (
    restricted_container_security_context,
    restricted_pod_security_context,
    selector,
)
from infra.blueprint.model import GatewayPart

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import (
        ContainerArgsDict,
        EnvVarArgsDict,
        PodSpecArgsDict,
        ProbeArgsDict,
        VolumeArgsDict,
        VolumeMountArgsDict,
    )

OBJECT_NAME = "gateway"
CONFIGURATION_KEY = "config.yaml"
CONFIGURATION_PATH = "/etc/bulkhead/gateway"
CERTIFICATE_AUTHORITY_KEY = "cache-ca.pem"

MASTER_KEY = "master-key"
SALT_KEY = "salt-key"
DATABASE_URL_KEY = "database-url"
CACHE_URL_KEY = "cache-url"
ENGINE_KEY = "api-key"

START_SECONDS = 600
"""LiteLLM loads in half a minute of CPU time: twenty seconds on an idle core, minutes on a crowded node."""
DRAIN_SECONDS = 15
"""How long a stopping replica goes on answering, until every node has learnt to send it nothing new. Without it a call
just after a rollout was refused."""
FINISH_SECONDS = 120
"""How long answers under way may take to finish after that."""

BASE_ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108 - a volume of this pod alone
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "USER": "litellm",
}
"""No price list from the internet: prices are the stack file's."""

SERVER_ENVIRONMENT = {
    **BASE_ENVIRONMENT,
    "DISABLE_ADMIN_UI": "True",
    "DISABLE_SCHEMA_UPDATE": "true",
    "NO_DOCS": "True",
    "NO_OPENAPI": "True",
    "NO_REDOC": "True",
    "STORE_MODEL_IN_DB": "False",
}
"""The schema is the migration's business: replicas that start together must not race for it."""

READY_SCRIPT = (
    "import json, sys, urllib.request as r; "
    "sys.exit(json.load(r.urlopen('http://127.0.0.1:{port}/health/readiness', timeout=8)).get('db') != 'connected')"
)
"""LiteLLM answers `healthy` while its database is away; what counts is `db`."""


def engine_secret_name(model: str) -> str:
    """The Secret beside the gateway with the key of a model's engines."""
    return f"gateway-engine-{model}"


def environment(values: Mapping[str, str]) -> "list[EnvVarArgsDict]":
    """Plain variables, sorted."""
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def from_secret(name: str, secret_name: pulumi.Input[str], key: str) -> "EnvVarArgsDict":
    """A variable read from a Secret."""
    return {"name": name, "value_from": {"secret_key_ref": {"name": secret_name, "key": key}}}


def scratch_volumes() -> "list[VolumeArgsDict]":
    """What may be written to where the root is read-only."""
    return [{"name": "temporary", "empty_dir": {"size_limit": "512Mi"}}]


def scratch_mounts() -> "list[VolumeMountArgsDict]":
    """Where it lies."""
    return [{"name": "temporary", "mount_path": "/tmp"}]  # noqa: S108 - a volume of this pod alone


def pod_spec(
    part: GatewayPart,
    secret_name: pulumi.Input[str],
    configuration_name: pulumi.Input[str],
    has_certificate_authority: bool,
) -> "PodSpecArgsDict":
    """The pod of one replica.

    Args:
        part: The gateway.
        secret_name: The Secret with the gateway's own keys and its URLs.
        configuration_name: The ConfigMap with its configuration.
        has_certificate_authority: Whether the Secret holds the authority that the cache's certificate is signed by.
    """
    volumes: list[VolumeArgsDict] = [
        *scratch_volumes(),
        {"name": "configuration", "config_map": {"name": configuration_name}},
    ]
    if has_certificate_authority:
        path = CERTIFICATE_AUTHORITY_PATH.rpartition("/")[2]
        volumes.append(
            {
                "name": "cache-authority",
                "secret": {"secret_name": secret_name, "items": [{"key": CERTIFICATE_AUTHORITY_KEY, "path": path}]},
            }
        )
    return {
        "automount_service_account_token": False,
        "containers": [_container(part, secret_name, has_certificate_authority)],
        "enable_service_links": False,
        "security_context": restricted_pod_security_context(),
        "termination_grace_period_seconds": DRAIN_SECONDS + FINISH_SECONDS,
        "topology_spread_constraints": [
            {
                "max_skew": 1,
                "topology_key": key,
                "when_unsatisfiable": "ScheduleAnyway",
                "label_selector": {"match_labels": selector(OBJECT_NAME)},
            }
            for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        ],
        "volumes": volumes,
    }


def _container(
    part: GatewayPart, secret_name: pulumi.Input[str], has_certificate_authority: bool
) -> "ContainerArgsDict":
    mounts: list[VolumeMountArgsDict] = [
        *scratch_mounts(),
        {"name": "configuration", "mount_path": CONFIGURATION_PATH, "read_only": True},
    ]
    if has_certificate_authority:
        folder = CERTIFICATE_AUTHORITY_PATH.rpartition("/")[0]
        mounts.append({"name": "cache-authority", "mount_path": folder, "read_only": True})
    return {
        "name": "litellm",
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        "command": ["litellm"],
        "args": [
            "--config",
            f"{CONFIGURATION_PATH}/{CONFIGURATION_KEY}",
            "--host",
            "0.0.0.0",  # noqa: S104 - a pod has one address, and the Service has to reach it
            "--port",
            str(part.port),
            "--telemetry",
            "False",
        ],
        "env": _server_environment(part, secret_name),
        "ports": [{"name": "http", "container_port": part.port}],
        "lifecycle": {"pre_stop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "startup_probe": _alive(period=2, failures=math.ceil(START_SECONDS / 2)),
        "readiness_probe": _ready(part.port),
        "liveness_probe": _alive(period=20, failures=3),
        "resources": {"requests": {"cpu": "250m", "memory": "768Mi"}, "limits": {"memory": "1536Mi"}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": mounts,
    }


def _server_environment(part: GatewayPart, secret_name: pulumi.Input[str]) -> "list[EnvVarArgsDict]":
    cache = [from_secret(CACHE_URL_VARIABLE, secret_name, CACHE_URL_KEY)] if part.cache is not None else []
    return [
        *environment(SERVER_ENVIRONMENT),
        from_secret("DATABASE_URL", secret_name, DATABASE_URL_KEY),
        from_secret("LITELLM_MASTER_KEY", secret_name, MASTER_KEY),
        from_secret("LITELLM_SALT_KEY", secret_name, SALT_KEY),
        *cache,
        *(
            from_secret(api_key_variable(model.name), engine_secret_name(model.name), ENGINE_KEY)
            for model in part.models
        ),
    ]


def _alive(period: int, failures: int) -> "ProbeArgsDict":
    return {
        "http_get": {"path": "/health/liveliness", "port": "http"},
        "period_seconds": period,
        "timeout_seconds": 10,
        "failure_threshold": failures,
    }


def _ready(port: int) -> "ProbeArgsDict":
    return {
        "exec_": {"command": ["python3", "-I", "-S", "-c", READY_SCRIPT.format(port=port)]},
        "period_seconds": 10,
        "timeout_seconds": 10,
        "failure_threshold": 3,
    }
