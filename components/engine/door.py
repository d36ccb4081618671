"""The door of an engine: nginx in its pod, which takes the gateway's certificate and no other. Pure.

vLLM could speak TLS itself, but then to everybody who asks it for its health and metrics as well, and its own answer to
a stranger would depend on the version. Only what the gateway calls is open here; vLLM serves much more.
"""

from typing import TYPE_CHECKING

from components.certificates import CERTIFICATE_KEY, PRIVATE_KEY_KEY, TRUSTED_KEY
from components.shared.proxies import CONFIGURATION_KEY, ProxySidecar, away, block, pass_through
from infra.blueprint.model import DoorPart
from infra.blueprint.names import GATEWAY_COMMON_NAME
from infra.blueprint.routes import COMPLETION_PATHS

if TYPE_CHECKING:
    from pulumi_kubernetes.core.v1 import ContainerArgsDict

PORT_NAME = "tls"
CONFIGURATION_PATH = "/etc/bulkhead/door"
CERTIFICATE_PATH = "/etc/bulkhead/certificate"
ANSWER_SECONDS = 3600
"""Longer than any answer may take: the gateway's own limit comes first, and with it an error that says so."""
CONNECTIONS = 4096


def door_name(engine: str) -> str:
    """What belongs to an engine's door is called; the dot stands in no model's name, so that none is called like it."""
    return f"{engine}.door"


def door_configuration(port: int, engine_port: int) -> str:
    """The whole configuration of nginx: exact paths, for one client by name, over TLS 1.3."""
    paths = [
        block(f"location = {path}", [f"proxy_pass http://127.0.0.1:{engine_port}{path};"]) for path in COMPLETION_PATHS
    ]
    server = block(
        "server",
        [
            f"listen {port} ssl;",
            f"ssl_certificate {CERTIFICATE_PATH}/{CERTIFICATE_KEY};",
            f"ssl_certificate_key {CERTIFICATE_PATH}/{PRIVATE_KEY_KEY};",
            f"ssl_client_certificate {CERTIFICATE_PATH}/{TRUSTED_KEY};",
            "ssl_verify_client on;",
            "ssl_verify_depth 1;",
            "ssl_protocols TLSv1.3;",
            # The authority signs engines, too; none of them may call another.
            f'if ($ssl_client_s_dn != "CN={GATEWAY_COMMON_NAME}") {{ return 403; }}',
            *paths,
            block("location /", ["return 404;"]),
            *away(),
        ],
    )
    http = [
        *pass_through(ANSWER_SECONDS),
        server,
    ]
    main = ["daemon off;", "error_log stderr crit;", "pid /tmp/nginx.pid;", "worker_processes 1;"]
    return "\n".join([*main, block("events", [f"worker_connections {CONNECTIONS};"]), block("http", http)]) + "\n"


DOOR_SIDECAR = ProxySidecar(
    name="door",
    command=("nginx", "-e", "stderr", "-c", f"{CONFIGURATION_PATH}/{CONFIGURATION_KEY}"),
    configuration_path=CONFIGURATION_PATH,
    certificate_path=CERTIFICATE_PATH,
    certificate_volume="door-certificate",
    memory_limit="128Mi",
)


def door_container(door: DoorPart) -> "ContainerArgsDict":
    """The door as a sidecar of the engine."""
    return {
        **DOOR_SIDECAR.container(door.image),
        "ports": [{"name": PORT_NAME, "container_port": door.port}],
        "readiness_probe": {"tcp_socket": {"port": PORT_NAME}, "period_seconds": 5},
        "liveness_probe": {"tcp_socket": {"port": PORT_NAME}, "period_seconds": 20, "timeout_seconds": 10},
    }
