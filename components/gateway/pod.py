"""The pod that one gateway replica runs in, and what it shares with the migration's.

The edge is the pod's container, and LiteLLM its sidecar in Kubernetes' own sense: an init container that goes on
running. So LiteLLM serves before the edge starts, and a pod that is deleted ends the edge first: it goes on answering
until nobody sends it anything new, finishes every answer under way, and only then LiteLLM is told to stop.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.cache.connection import CERTIFICATE_AUTHORITY_PATH
from components.gateway import hooks
from components.gateway.configuration import (
    CACHE_URL_VARIABLE,
    LITELLM_STREAM_SECONDS,
    STREAM_SECONDS,
    api_key_variable,
)
from components.gateway.edge import FINISH_SECONDS, LITELLM_PORT, REQUESTS
from components.gateway.engine_address import LINK_PORT
from components.gateway.engine_link import LINK_SIDECAR
from components.gateway.hooks.startup import DOMAINS_PATH_VARIABLE, SALT_KEY_VARIABLE, STREAM_SECONDS_VARIABLE
from components.shared import (
    environment,
    from_secret,
    labels,
    restricted_container_security_context,
    restricted_pod_security_context,
    selector,
    spread,
)
from components.shared.fingerprint import fingerprint
from infra.blueprint.model import GatewayPart
from infra.blueprint.names import CACHE_URL_KEY, DATABASE_URL_KEY, ENGINE_TRAFFIC_LABEL, MUTUAL_TLS
from infra.blueprint.routes import HEALTH_PATH

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
ADMIN_OBJECT_NAME = "gateway-admin"
EDGE_CONFIGURATION_KEY = "nginx.conf"
EDGE_CONFIGURATION_PATH = "/etc/bulkhead/edge"
CONFIGURATION_KEY = "config.yaml"
DOMAINS_KEY = "cache-domains.json"
CONFIGURATION_MAP = "config"
CONFIGURATION_VOLUME = "configuration"
CONFIGURATION_PATH = "/etc/bulkhead/gateway"
HOOKS_PATH = "/etc/bulkhead/hooks"
CERTIFICATE_AUTHORITY_KEY = "cache-ca.pem"

MASTER_KEY = "master-key"
SALT_KEY = "salt-key"
CACHE_SALT_KEY = "cache-salt-key"
ENGINE_KEY = "api-key"

START_SECONDS = 600
"""LiteLLM loads in half a minute of CPU time: twenty seconds on an idle core, minutes on a crowded node."""
DRAIN_SECONDS = 15
"""How long a stopping replica goes on answering, until every node has learnt to send it nothing new. Without it a call
just after a rollout was refused."""
FLUSH_SECONDS = 30
"""How long LiteLLM may take to end after the edge: it writes the spend that it still has in memory."""

BASE_ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108 - a volume of this pod alone
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "USER": "litellm",
}
"""No price list from the internet: prices are the stack file's."""

SERVER_ENVIRONMENT = {
    **BASE_ENVIRONMENT,
    # A kept connection leads to the engine that it was opened to, also when that one is replaced: vLLM leaves it open
    # while it drains and refuses what comes, at the second attempt as at the first. A new one leads to a ready one.
    "AIOHTTP_KEEPALIVE_TIMEOUT": "0",
    DOMAINS_PATH_VARIABLE: f"{CONFIGURATION_PATH}/{DOMAINS_KEY}",
    "DISABLE_ADMIN_UI": "True",
    "DISABLE_SCHEMA_UPDATE": "true",
    STREAM_SECONDS_VARIABLE: str(STREAM_SECONDS),
    # https://docs.litellm.ai/docs/proxy/config_settings: without it the hook would be the one to end a long stream of
    # completions, and LiteLLM would charge nothing for it.
    "LITELLM_MAX_STREAMING_DURATION_SECONDS": str(LITELLM_STREAM_SECONDS),
    "LITELLM_WORKER_STARTUP_HOOKS": hooks.STARTUP_HOOK,
    "NO_DOCS": "True",
    "NO_OPENAPI": "True",
    "NO_REDOC": "True",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": HOOKS_PATH,
    "STORE_MODEL_IN_DB": "False",
}
"""The schema is the migration's business: replicas that start together must not race for it."""

_ASK = (
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}, timeout=8); "
    "c.request('GET', '{path}'); r = c.getresponse(); b = r.read(); "
)
ALIVE_SCRIPT = _ASK + "import sys; sys.exit(r.status != 200)"
READY_SCRIPT = _ASK + "import json, sys; sys.exit(json.loads(b).get('db') != 'connected')"
"""LiteLLM answers `healthy` while its database is away; what counts is `db`."""
LINK_SCRIPT = (
    f"import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', {LINK_PORT}, timeout=5); "
    f"c.request('GET', '{HEALTH_PATH}'); c.getresponse().status == 204 or sys.exit('the link does not serve'); "
)
"""Before LiteLLM's readiness where a link is: the kubelet cannot reach the loopback address, and the image of nginx has
nothing that is sure to be there to ask with. An engine that is away changes nothing of the link's own answer."""


def engine_secret_name(engine: str) -> str:
    """The Secret beside the gateway with the key of engines."""
    return f"gateway-engine-{engine}"


def map_name(infix: str, data: Mapping[str, str]) -> str:
    """The name of a ConfigMap with this content, in this order: another content is another map."""
    return f"{OBJECT_NAME}-{infix}-{fingerprint(*data.values())}"


def scratch_volumes() -> "list[VolumeArgsDict]":
    """What may be written to where the root is read-only."""
    return [{"name": "temporary", "empty_dir": {"size_limit": "512Mi"}}]


def scratch_mounts() -> "list[VolumeMountArgsDict]":
    """Where it lies."""
    return [{"name": "temporary", "mount_path": "/tmp"}]  # noqa: S108 - a volume of this pod alone


@dataclass(frozen=True)
class MapNames:
    """The names of the ConfigMaps that a replica reads.

    Attributes:
        configuration: LiteLLM's configuration.
        edge: The edge's.
        hooks: The code that LiteLLM runs in its own process.
    """

    configuration: pulumi.Input[str]
    edge: pulumi.Input[str]
    hooks: pulumi.Input[str]


@dataclass(frozen=True)
class LinkNames:
    """What the way to the engines by mutual TLS reads.

    Attributes:
        configuration: The ConfigMap with its configuration.
        certificate: The Secret with the gateway's key and certificate.
    """

    configuration: pulumi.Input[str]
    certificate: pulumi.Input[str]


def pod_labels(part: GatewayPart) -> dict[str, str]:
    """The labels of a replica, by which network policies also tell how it calls the engines."""
    return {**labels(OBJECT_NAME), **({ENGINE_TRAFFIC_LABEL: MUTUAL_TLS} if part.encrypts else {})}


def pod_spec(
    part: GatewayPart,
    secret_name: pulumi.Input[str],
    maps: MapNames,
    has_certificate_authority: bool,
    link: LinkNames | None = None,
) -> "PodSpecArgsDict":
    """The pod of one replica.

    Args:
        part: The gateway.
        secret_name: The Secret with the gateway's own keys and its URLs.
        maps: What it reads beside.
        has_certificate_authority: Whether the Secret holds the authority that the cache's certificate is signed by.
        link: What its way to the engines by mutual TLS reads; None where it calls them in clear text.
    """
    volumes: list[VolumeArgsDict] = [
        *scratch_volumes(),
        {"name": CONFIGURATION_VOLUME, "config_map": {"name": maps.configuration}},
        {"name": "edge-configuration", "config_map": {"name": maps.edge}},
        {"name": "hooks", "config_map": {"name": maps.hooks}},
        {"name": "edge-temporary", "empty_dir": {"size_limit": f"{REQUESTS * part.request_megabytes}Mi"}},
    ]
    if has_certificate_authority:
        path = CERTIFICATE_AUTHORITY_PATH.rpartition("/")[2]
        volumes.append(
            {
                "name": "cache-authority",
                "secret": {"secret_name": secret_name, "items": [{"key": CERTIFICATE_AUTHORITY_KEY, "path": path}]},
            }
        )
    if link is not None:
        volumes.extend(LINK_SIDECAR.volumes(link.configuration, link.certificate))
    return {
        "automount_service_account_token": False,
        "containers": [_edge(part)],
        "enable_service_links": False,
        # The link is there before LiteLLM, and ends after it.
        "init_containers": [
            *([LINK_SIDECAR.container(part.edge_image)] if link is not None else []),
            _litellm(part, secret_name, has_certificate_authority),
        ],
        "security_context": restricted_pod_security_context(),
        "termination_grace_period_seconds": DRAIN_SECONDS + FINISH_SECONDS + FLUSH_SECONDS,
        "topology_spread_constraints": spread(selector(OBJECT_NAME)),
        "volumes": volumes,
    }


def _edge(part: GatewayPart) -> "ContainerArgsDict":
    ports = {"http": part.port, "admin": part.admin_port, "metrics": part.metrics_port}
    return {
        "name": "edge",
        "image": part.edge_image,
        "image_pull_policy": "IfNotPresent",
        "command": ["nginx", "-e", "stderr", "-c", f"{EDGE_CONFIGURATION_PATH}/{EDGE_CONFIGURATION_KEY}"],
        "ports": [{"name": name, "container_port": port} for name, port in ports.items() if port is not None],
        # The image's stop signal is SIGQUIT, at which nginx finishes what is under way and takes nothing new.
        "lifecycle": {"pre_stop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "readiness_probe": {"http_get": {"path": HEALTH_PATH, "port": "http"}, "period_seconds": 5},
        "liveness_probe": {
            "http_get": {"path": HEALTH_PATH, "port": "http"},
            "period_seconds": 20,
            "timeout_seconds": 10,
        },
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": [
            {"name": "edge-temporary", "mount_path": "/tmp"},  # noqa: S108 - a volume of this container alone
            {"name": "edge-configuration", "mount_path": EDGE_CONFIGURATION_PATH, "read_only": True},
        ],
    }


def _litellm(part: GatewayPart, secret_name: pulumi.Input[str], has_certificate_authority: bool) -> "ContainerArgsDict":
    mounts: list[VolumeMountArgsDict] = [
        *scratch_mounts(),
        {"name": CONFIGURATION_VOLUME, "mount_path": CONFIGURATION_PATH, "read_only": True},
        {"name": "hooks", "mount_path": f"{HOOKS_PATH}/{hooks.PACKAGE}", "read_only": True},
    ]
    if has_certificate_authority:
        folder = CERTIFICATE_AUTHORITY_PATH.rpartition("/")[0]
        mounts.append({"name": "cache-authority", "mount_path": folder, "read_only": True})
    return {
        "name": "litellm",
        "image": part.image,
        "image_pull_policy": "IfNotPresent",
        "restart_policy": "Always",
        "command": ["litellm"],
        "args": [
            "--config",
            f"{CONFIGURATION_PATH}/{CONFIGURATION_KEY}",
            "--host",
            "127.0.0.1",
            "--port",
            str(LITELLM_PORT),
            "--telemetry",
            "False",
        ],
        "env": _server_environment(part, secret_name),
        "startup_probe": _probe(ALIVE_SCRIPT, "/health/liveliness", period=5, failures=math.ceil(START_SECONDS / 5)),
        "readiness_probe": _probe(readiness_script(part), "/health/readiness", period=10, failures=3),
        # Slow to judge: on a crowded node the probe itself starves first, and a restart would only add to the crowd.
        "liveness_probe": _probe(ALIVE_SCRIPT, "/health/liveliness", period=30, failures=5),
        "resources": {"requests": {"cpu": "250m", "memory": "768Mi"}, "limits": {"memory": "1536Mi"}},
        "security_context": restricted_container_security_context(),
        "volume_mounts": mounts,
    }


def readiness_script(part: GatewayPart) -> str:
    """Where requests are answered without a database, a replica has to stay in the Service without one as well.

    Without its link it reaches no engine, however well it is: such a replica gets no requests, and a rollout stops at
    it. A restart of LiteLLM would mend no link, so that its liveness does not ask.
    """
    served = ALIVE_SCRIPT if part.serves_without_database else READY_SCRIPT
    return LINK_SCRIPT + served if part.encrypts else served


def _server_environment(part: GatewayPart, secret_name: pulumi.Input[str]) -> "list[EnvVarArgsDict]":
    cache = [from_secret(CACHE_URL_VARIABLE, secret_name, CACHE_URL_KEY)] if part.cache is not None else []
    return [
        *environment(SERVER_ENVIRONMENT),
        from_secret("DATABASE_URL", secret_name, DATABASE_URL_KEY),
        from_secret("LITELLM_MASTER_KEY", secret_name, MASTER_KEY),
        from_secret("LITELLM_SALT_KEY", secret_name, SALT_KEY),
        *cache,
        *([from_secret(SALT_KEY_VARIABLE, secret_name, CACHE_SALT_KEY)] if part.isolates_caches else []),
        *(
            from_secret(api_key_variable(model.engine), engine_secret_name(model.engine), ENGINE_KEY)
            for model in part.models
        ),
    ]


def _probe(script: str, path: str, period: int, failures: int) -> "ProbeArgsDict":
    """A request from inside the pod, since LiteLLM answers nobody else."""
    return {
        "exec_": {"command": ["python3", "-I", "-S", "-c", script.format(port=LITELLM_PORT, path=path)]},
        "period_seconds": period,
        "timeout_seconds": 20,
        "failure_threshold": failures,
    }
