"""The gateway's way to the engines by mutual TLS: nginx beside LiteLLM, in its pod. Pure.

LiteLLM calls it on the loopback address, at a path for each engine; it shows the gateway's certificate and asks the
engine for its own, by name. LiteLLM's several HTTP clients would each have to be given a certificate, each in its own
way, and each new version could bring one that has none.
"""

from components.certificates import CERTIFICATE_KEY, PRIVATE_KEY_KEY, TRUSTED_KEY
from components.gateway.configuration import REQUEST_SECONDS
from components.gateway.engine_address import LINK_PORT, link_prefix
from components.shared.proxies import CONFIGURATION_KEY, ProxySidecar, away, block, pass_through
from infra.blueprint.model import GatewayModelPart, GatewayPart
from infra.blueprint.routes import COMPLETION_PATHS, HEALTH_PATH

CONFIGURATION_PATH = "/etc/bulkhead/engine-link"
CERTIFICATE_PATH = "/etc/bulkhead/engine-client"
RESOLVER_PATH = "/tmp/resolver.conf"  # noqa: S108 - a volume of the container alone
CONNECTIONS = 4096
FINISH_SECONDS = REQUEST_SECONDS + 5

START = (
    """awk '/^nameserver/ { a = $2; if (a ~ /:/) a = "[" a "]"; found = found " " a } """
    f"""END {{ print "resolver" found " valid=10s;" }}' /etc/resolv.conf > {RESOLVER_PATH} """
    f"&& exec nginx -e stderr -c {CONFIGURATION_PATH}/{CONFIGURATION_KEY}"
)
"""The cluster's DNS is known inside the pod only. Without it nginx would look a name up once, when it starts, and not
start at all where there is no such engine yet."""


def link_configuration(part: GatewayPart) -> str:
    """The whole configuration of nginx: exact paths for each engine, to that engine alone."""
    server = block(
        "server",
        [
            f"listen 127.0.0.1:{LINK_PORT};",
            # Whether the link itself serves, whatever becomes of the engines behind it.
            block(f"location = {HEALTH_PATH}", ["return 204;"]),
            *(way for model in part.models for way in _ways(model)),
            block("location /", ["return 404;"]),
            *away(),
        ],
    )
    http = [
        *pass_through(FINISH_SECONDS),
        f"proxy_ssl_certificate {CERTIFICATE_PATH}/{CERTIFICATE_KEY};",
        f"proxy_ssl_certificate_key {CERTIFICATE_PATH}/{PRIVATE_KEY_KEY};",
        f"proxy_ssl_trusted_certificate {CERTIFICATE_PATH}/{TRUSTED_KEY};",
        "proxy_ssl_verify on;",
        "proxy_ssl_verify_depth 1;",
        "proxy_ssl_server_name on;",
        "proxy_ssl_protocols TLSv1.3;",
        f"include {RESOLVER_PATH};",
        server,
    ]
    main = ["daemon off;", "error_log stderr crit;", "pid /tmp/nginx.pid;", "worker_processes 2;"]
    events = block("events", [f"worker_connections {CONNECTIONS};"])
    return "\n".join([*main, f"worker_rlimit_nofile {4 * CONNECTIONS};", events, block("http", http)]) + "\n"


def _ways(model: GatewayModelPart) -> list[str]:
    if model.door is None:
        return []
    host, port = model.door
    # By a variable, so that the name is looked up for each request and not once at the start.
    to_engine = [f"set $engine {host};", "proxy_ssl_name $engine;"]
    return [
        block(
            f"location = {link_prefix(model)}{path}",
            [*to_engine, f"proxy_pass https://$engine:{port}{path};"],
        )
        for path in COMPLETION_PATHS
    ]


LINK_SIDECAR = ProxySidecar(
    name="engine-link",
    command=("sh", "-c", START),
    configuration_path=CONFIGURATION_PATH,
    certificate_path=CERTIFICATE_PATH,
    certificate_volume="engine-client",
    memory_limit="256Mi",
)
