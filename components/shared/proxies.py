"""nginx beside a server, between gateway and engines: pieces of its configuration, and its container. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.shared.pods import restricted_container_security_context

if TYPE_CHECKING:
    import pulumi
    from pulumi_kubernetes.core.v1 import ContainerArgsDict, VolumeArgsDict

CONFIGURATION_KEY = "nginx.conf"
TEMPORARY_PATHS = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")

AWAY = (
    '{"error": {"message": "service unavailable: the engine cannot be reached", "type": "server_error", "code": 503}}'
)


def block(head: str, lines: Iterable[str]) -> str:
    """A block with its lines indented."""
    inner = "\n".join(lines).splitlines()
    return "\n".join([f"{head} {{", *(f"  {line}" for line in inner), "}"])


def temporary_paths() -> list[str]:
    """Where nginx may write while its root is read-only."""
    return [f"{kind}_temp_path /tmp/{kind};" for kind in TEMPORARY_PATHS]


def pass_through(answer_seconds: int) -> list[str]:
    """Settings of a proxy between gateway and engines, which hands on what it gets as it gets it.

    Args:
        answer_seconds: How long an engine may say nothing.
    """
    return [
        # The gateway's edge has a line for each request already, and has judged its size.
        "access_log off;",
        "client_max_body_size 0;",
        *temporary_paths(),
        "default_type application/json;",
        "server_tokens off;",
        # One request a connection, so that none is sent into one that is about to be closed.
        "keepalive_timeout 0;",
        "proxy_request_buffering off;",
        "proxy_buffering off;",
        "proxy_http_version 1.1;",
        "proxy_connect_timeout 5s;",
        f"proxy_read_timeout {answer_seconds}s;",
        f"proxy_send_timeout {answer_seconds}s;",
        "proxy_next_upstream off;",
    ]


def away() -> list[str]:
    """What the gateway knows for an engine that is starting or gone, and tries again, instead of nginx' own page."""
    return ["error_page 502 504 =503 @away;", block("location @away", [f"return 503 '{AWAY}';"])]


@dataclass(frozen=True)
class ProxySidecar:
    """nginx as a sidecar, which is there before the pod's server and ends after it.

    Attributes:
        name: The container's name, with which those of two of its volumes begin.
        command: What it runs.
        configuration_path: Where its configuration lies.
        certificate_path: Where its key and certificate lie.
        certificate_volume: The name of the volume with them.
        memory_limit: As `128Mi`; each connection takes some.
    """

    name: str
    command: tuple[str, ...]
    configuration_path: str
    certificate_path: str
    certificate_volume: str
    memory_limit: str

    def container(self, image: str) -> "ContainerArgsDict":
        """The container, without ports and probes."""
        return {
            "name": self.name,
            "image": image,
            "image_pull_policy": "IfNotPresent",
            "restart_policy": "Always",
            "command": list(self.command),
            "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": self.memory_limit}},
            "security_context": restricted_container_security_context(),
            "volume_mounts": [
                {"name": self._temporary, "mount_path": "/tmp"},  # noqa: S108 - a volume of this container alone
                {"name": self._configuration, "mount_path": self.configuration_path, "read_only": True},
                {"name": self.certificate_volume, "mount_path": self.certificate_path, "read_only": True},
            ],
        }

    def volumes(self, configuration: "pulumi.Input[str]", certificate: "pulumi.Input[str]") -> "list[VolumeArgsDict]":
        """What it reads and where it writes.

        Args:
            configuration: The name of the ConfigMap with its configuration.
            certificate: The name of the Secret with its key and certificate.
        """
        return [
            {"name": self._temporary, "empty_dir": {"size_limit": "64Mi"}},
            {"name": self._configuration, "config_map": {"name": configuration}},
            {"name": self.certificate_volume, "secret": {"secret_name": certificate}},
        ]

    @property
    def _temporary(self) -> str:
        return f"{self.name}-temporary"

    @property
    def _configuration(self) -> str:
        return f"{self.name}-configuration"
