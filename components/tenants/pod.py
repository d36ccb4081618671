"""The pod that looks after the tenants' accounts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.shared import (
    environment,
    from_secret,
    restricted_container_security_context,
    restricted_pod_security_context,
)
from infra.blueprint.names import TENANTS_STATUS_PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, KeyToPathArgsDict, PodSpecArgsDict

OBJECT_NAME = "tenants"
PACKAGE = Path(__file__).with_name("reconciler")
RECORDS_KEY = "tenants.json"
RECORDS_PATH = "/etc/bulkhead/tenants"
KEYS_PATH = "/etc/bulkhead/keys"
MASTER_KEY = "master-key"
INTERVAL_SECONDS = 60
"""How long what somebody changed by hand may hold."""
STOP_SECONDS = 40
"""Longer than one request to the gateway may take: the one under way is finished, and no other is begun."""

START = (
    f"import runpy, sys; sys.path.insert(0, {RECORDS_PATH!r}); "
    f"runpy.run_module({PACKAGE.name!r}, run_name='__main__', alter_sys=True)"
)
"""Isolated mode takes neither the environment nor the folder for a place of modules, so it is told of this one."""


def reconciler_modules() -> dict[str, str]:
    """The reconciler's modules as they are here, by their files' names."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("*.py"))}


def pod_spec(
    *,
    image: str,
    settings: Mapping[str, pulumi.Input[str]],
    master_key_secret: pulumi.Input[str],
    keys_secret: pulumi.Input[str],
    configuration: pulumi.Input[str],
) -> "PodSpecArgsDict":
    """The pod.

    Args:
        image: An image with Python 3.11 or newer.
        settings: What the process is told beside its files.
        master_key_secret: The name of the Secret that holds the master key under `master-key`.
        keys_secret: The name of the Secret with one key for each tenant, under its name.
        configuration: The name of the ConfigMap with the modules and `tenants.json`.
    """
    modules: list[KeyToPathArgsDict] = [
        {"key": name, "path": f"{PACKAGE.name}/{name}"} for name in reconciler_modules()
    ]
    return {
        "automount_service_account_token": False,
        "containers": [_container(image, settings, master_key_secret)],
        "enable_service_links": False,
        "security_context": restricted_pod_security_context(),
        "termination_grace_period_seconds": STOP_SECONDS,
        "volumes": [
            {"name": "keys", "secret": {"secret_name": keys_secret}},
            {
                "name": "records",
                "config_map": {
                    "name": configuration,
                    "items": [*modules, {"key": RECORDS_KEY, "path": RECORDS_KEY}],
                },
            },
        ],
    }


def _container(
    image: str, settings: Mapping[str, pulumi.Input[str]], master_key_secret: pulumi.Input[str]
) -> "ContainerArgsDict":
    values: Mapping[str, pulumi.Input[str]] = {
        **settings,
        "INTERVAL_SECONDS": str(INTERVAL_SECONDS),
        "KEYS_DIRECTORY": KEYS_PATH,
        "RECORDS_DIRECTORY": RECORDS_PATH,
        "STATUS_PORT": str(TENANTS_STATUS_PORT),
    }
    return {
        "name": "reconcile",
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "command": ["python3", "-I", "-S", "-B", "-c", START],
        "env": [*environment(values), from_secret("LITELLM_MASTER_KEY", master_key_secret, MASTER_KEY)],
        "ports": [{"name": "metrics", "container_port": TENANTS_STATUS_PORT}],
        # No liveness probe: every request ends of itself, and a process that is at its end ends.
        "readiness_probe": {
            "http_get": {"path": "/ready", "port": "metrics"},
            "period_seconds": 2,
            "timeout_seconds": 5,
            "failure_threshold": 3,
        },
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
        "security_context": restricted_container_security_context(),
        # What it said last stands in the pod's status, where an update that fails shows it.
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": [
            {"name": "keys", "mount_path": KEYS_PATH, "read_only": True},
            {"name": "records", "mount_path": RECORDS_PATH, "read_only": True},
        ],
    }
