"""The pod that Prometheus runs in."""

from typing import TYPE_CHECKING

import pulumi

from components.observability.scraping import CONFIGURATION_PATH
from components.shared import restricted_container_security_context, restricted_pod_security_context
from components.shared.workloads import DATA_VOLUME
from infra.blueprint.model import PrometheusPart
from infra.blueprint.names import PROMETHEUS_PORT
from infra.quantities import whole

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, PodSpecArgsDict, ProbeArgsDict

CONFIGURATION_KEY = "prometheus.yml"
DATA_PATH = "/prometheus"
USED_SHARE = 0.8
"""Of the volume, before the oldest data goes; the rest is for the log that it is written from and for compaction."""
STOP_SECONDS = 120

LEAST_MEBIBYTES = 64
MEBIBYTE = 1024**2


def retention_mebibytes(storage: str) -> int:
    """How much data is kept on a volume of `storage`, a Kubernetes quantity.

    Raises:
        ValueError: The volume is smaller than what Prometheus can work on.
    """
    mebibytes = whole(storage) // MEBIBYTE
    if mebibytes < LEAST_MEBIBYTES:
        raise ValueError(f"Prometheus cannot work on a volume of {storage}; give it 1Gi or more.")
    return int(mebibytes * USED_SHARE)


def pod_spec(part: PrometheusPart, configuration_name: pulumi.Input[str], account: str) -> "PodSpecArgsDict":
    """The pod, with the account by whose token it finds what it scrapes."""
    return {
        "automount_service_account_token": True,
        "containers": [_container(part)],
        "enable_service_links": False,
        "security_context": restricted_pod_security_context(volumes=True),
        "service_account_name": account,
        "termination_grace_period_seconds": STOP_SECONDS,
        "volumes": [{"name": "configuration", "config_map": {"name": configuration_name}}],
    }


def _container(part: PrometheusPart) -> "ContainerArgsDict":
    return {
        "name": "prometheus",
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        "args": [
            f"--config.file={CONFIGURATION_PATH}/{CONFIGURATION_KEY}",
            f"--storage.tsdb.path={DATA_PATH}",
            f"--storage.tsdb.retention.time={part.retention_days}d",
            f"--storage.tsdb.retention.size={retention_mebibytes(part.storage)}MB",
            f"--web.listen-address=:{PROMETHEUS_PORT}",
        ],
        "ports": [{"name": "http", "container_port": PROMETHEUS_PORT}],
        "startup_probe": _answers("/-/ready", period=2, failures=150),
        "readiness_probe": _answers("/-/ready", period=5, failures=3),
        "liveness_probe": _answers("/-/healthy", period=20, failures=6),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": [
            {"name": "configuration", "mount_path": CONFIGURATION_PATH, "read_only": True},
            {"name": DATA_VOLUME, "mount_path": DATA_PATH},
        ],
    }


def _answers(path: str, period: int, failures: int) -> "ProbeArgsDict":
    return {
        "http_get": {"path": path, "port": "http"},
        "period_seconds": period,
        "timeout_seconds": 5,
        "failure_threshold": failures,
    }
