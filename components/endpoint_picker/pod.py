"""The pod that picks."""

from typing import TYPE_CHECKING

import pulumi

from components.endpoint_picker.objects import INFERENCE_GROUP
from components.shared import restricted_container_security_context, restricted_pod_security_context
from infra.blueprint.model import EndpointPickerPart, EnginePart
from infra.blueprint.names import PICKER_PORT

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, ProbeArgsDict

CONFIGURATION_KEY = "picker.yaml"
CONFIGURATION_PATH = "/etc/bulkhead"
HEALTH_PORT = 9003
HEALTH_SERVICE = "inference-extension"
"""What llm-d's picker calls itself where it runs alone."""
STOP_SECONDS = 130
"""Its own chart's number: answers under way pass it until their end."""


def pod_spec(
    engine: EnginePart, picker: EndpointPickerPart, configuration: pulumi.Input[str], account: pulumi.Input[str]
) -> "PodSpecArgsDict":
    """The pod.

    Args:
        engine: The engines that it picks from.
        picker: How it picks.
        configuration: The name of the ConfigMap with its file.
        account: The service account as which it watches the pool and its pods.
    """
    return {
        "automount_service_account_token": True,
        "service_account_name": account,
        "containers": [_container(engine, picker)],
        "enable_service_links": False,
        "security_context": restricted_pod_security_context(),
        "termination_grace_period_seconds": STOP_SECONDS,
        "volumes": [{"name": "configuration", "config_map": {"name": configuration}}],
    }


def _container(engine: EnginePart, picker: EndpointPickerPart) -> "ContainerArgsDict":
    return {
        "name": "picker",
        "image": picker.image,
        "image_pull_policy": "IfNotPresent",
        "args": [
            f"--pool-name={engine.service_name}",
            f"--pool-namespace={engine.namespace}",
            f"--pool-group={INFERENCE_GROUP}",
            f"--config-file={CONFIGURATION_PATH}/{CONFIGURATION_KEY}",
            f"--grpc-port={PICKER_PORT}",
            f"--grpc-health-port={HEALTH_PORT}",
            # A certificate that it makes itself, and that nobody checks, would prove nothing to the data plane.
            "--secure-serving=false",
            "--tracing=false",
            "--zap-encoder=json",
        ],
        "ports": [
            {"name": "grpc", "container_port": PICKER_PORT},
            {"name": "grpc-health", "container_port": HEALTH_PORT},
        ],
        "readiness_probe": _health(period=2),
        "liveness_probe": _health(period=10),
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": [{"name": "configuration", "mount_path": CONFIGURATION_PATH, "read_only": True}],
    }


def _health(period: int) -> "ProbeArgsDict":
    return {
        "grpc": {"port": HEALTH_PORT, "service": HEALTH_SERVICE},
        "period_seconds": period,
        "timeout_seconds": 5,
        "failure_threshold": 3,
    }
