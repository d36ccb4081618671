"""The edge: nginx in front of LiteLLM, which opens what is listed and nothing else. Pure: equal gateways, equal bytes.

Every directive is one that nginx 1.22 knows as well as the pinned version. The edge speaks HTTP/1.1 in clear text: TLS
ends at whatever exposes the gateway.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from components.gateway.configuration import REQUEST_SECONDS
from components.gateway.hooks import errors
from components.gateway.hooks.administration import SOURCE_HEADER
from components.gateway.hooks.errors import Situation
from components.shared.proxies import block, temporary_paths
from infra.blueprint.model import GatewayPart
from infra.blueprint.routes import (
    ADMIN_ROUTES,
    HEALTH_PATH,
    METRICS_PATH,
    MODEL_NAME,
    MODELS_PATH,
    TENANT_ROUTES,
    Route,
)

LITELLM_PORT = 4100
"""Where LiteLLM listens, on the loopback address of its pod alone."""
FINISH_SECONDS = REQUEST_SECONDS + 5
"""How long an answer under way may take to finish while the edge is stopping: as long as any answer may take, streams
included, since the hook or LiteLLM has ended them by then."""
CONNECTIONS = 4096
"""For each of the workers; an answer under way takes two."""
WORKERS = 2
REQUESTS = 1024
"""Requests that one replica has under way for tenants; beyond it they are answered 503. What arrives of each is kept on
the pod's own volume until it is whole, so that a number of them is also a number of bytes."""
REQUESTS_OF_A_CALLER = 256
"""Of these, from one address: a pod that sends its requests slowly must not keep all others out. Not where the gateway
is exposed, since all of the world then has the load balancer's few addresses."""

PASSED_REQUEST_HEADERS = (
    "Accept",
    "Anthropic-Beta",
    "Anthropic-Version",
    "Authorization",
    "Content-Type",
    "Traceparent",
    "Tracestate",
    "User-Agent",
    "X-Api-Key",
)
"""All that a tenant may tell LiteLLM in headers.

What is not listed stops here: LiteLLM's own (`x-litellm-*` sets time-outs, tags, retries and who is charged), other
ways to bring a key, and what only the platform may say of a request (whose it is, how urgent).
"""
PASSED_ADMIN_HEADERS = ("Accept", "Authorization", "Content-Type")

ACCESS_LOG = {
    "time": "$time_iso8601",
    "port": "$server_port",
    "method": "$request_method",
    "path": "$uri",
    "status": "$status",
    "bytes": "$bytes_sent",
    "seconds": "$request_time",
    "gateway_seconds": "$upstream_response_time",
}
"""No header, query or address: keys and people stay out of the log."""


@dataclass(frozen=True)
class _Refusal:
    """What the edge itself answers with a status, in the shape of OpenAI's errors."""

    status: int
    kind: str
    code: str
    message: str

    @property
    def location(self) -> str:
        return f"@answer_{self.status}"

    @property
    def body(self) -> str:
        error = {"message": self.message, "type": self.kind, "param": None, "code": self.code}
        return json.dumps({"error": error})


_CALLER = "invalid_request_error"
_SERVER = "server_error"
_REFUSALS = (
    _Refusal(400, _CALLER, "bad_request", "The request is not one that HTTP allows."),
    _Refusal(404, _CALLER, "unknown_url", "Nothing is served at this path. Check the base URL; it ends in /v1."),
    _Refusal(405, _CALLER, "method_not_allowed", "This path is not called with this method."),
    _Refusal(408, _CALLER, "request_timeout", "The request did not arrive in time. Send it again."),
    _Refusal(411, _CALLER, "length_required", "The request has a body of unknown length."),
    _Refusal(414, _CALLER, "url_too_long", "The address of the request is too long."),
    _Refusal(431, _CALLER, "headers_too_large", "The headers of the request are too large."),
    _Refusal(502, _SERVER, "bad_gateway", "The platform could not be reached. Try again in a moment."),
    _Refusal(503, _SERVER, "service_unavailable", "The platform cannot serve this now. Try again in a moment."),
    _Refusal(504, _SERVER, "timeout", "The answer took too long. Try again, or ask for less."),
)


def edge_configuration(part: GatewayPart) -> str:
    """The whole configuration of nginx: one server for tenants, one for administration, one for the scraper."""
    blocks = [
        _main(),
        block("events", [f"worker_connections {CONNECTIONS};"]),
        block("http", [*_http(part), _tenant_server(part), _admin_server(part), *_metrics_server(part)]),
    ]
    return "\n".join(blocks) + "\n"


def _main() -> str:
    return "\n".join(
        [
            "daemon off;",
            # Its lesser messages quote the whole request line and the caller's address, as for a body that is large.
            "error_log stderr crit;",
            "pid /tmp/nginx.pid;",
            f"worker_processes {WORKERS};",
            f"worker_rlimit_nofile {4 * CONNECTIONS};",
            f"worker_shutdown_timeout {FINISH_SECONDS}s;",
        ]
    )


def _http(part: GatewayPart) -> list[str]:
    log = ",".join(f'"{name}":"{variable}"' for name, variable in ACCESS_LOG.items())
    return [
        f"log_format edge escape=json '{{{log}}}';",
        "access_log /dev/stdout edge;",
        *temporary_paths(),
        "default_type application/json;",
        "server_tokens off;",
        f"client_max_body_size {part.request_megabytes}m;",
        "limit_conn_zone $server_port zone=requests:1m;",
        "limit_conn_zone $binary_remote_addr zone=callers:10m;",
        "limit_conn_status 503;",
        "client_header_timeout 15s;",
        "client_body_timeout 60s;",
        "send_timeout 60s;",
        # One request a connection: none is sent into a connection that a stopping replica is about to close, and every
        # request is shared out among the replicas anew.
        "keepalive_timeout 0;",
        "proxy_http_version 1.1;",
        "proxy_connect_timeout 5s;",
        "proxy_send_timeout 60s;",
        # LiteLLM's own time-out comes first, and with it an error that says so.
        f"proxy_read_timeout {FINISH_SECONDS}s;",
        "proxy_next_upstream off;",
        "proxy_buffering off;",
        "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;",
        "proxy_pass_request_headers off;",
        *_error_pages(_refusals(part)),
    ]


def _refusals(part: GatewayPart) -> tuple[_Refusal, ...]:
    too_large = f"The request is larger than the {part.request_megabytes} MiB that the platform takes."
    return (*_REFUSALS, _Refusal(413, _CALLER, "request_too_large", too_large))


def _error_pages(refusals: Iterable[_Refusal]) -> list[str]:
    # 494 is nginx's own number for headers that do not fit its buffers.
    return [
        f"error_page {'494 =431' if refusal.status == 431 else refusal.status} {refusal.location};"
        for refusal in refusals
    ]


def _answers(refusals: Iterable[_Refusal]) -> list[str]:
    found: list[str] = []
    for refusal in refusals:
        allow = ["add_header Allow $allowed always;"] if refusal.status == 405 else []
        found.append(block(f"location {refusal.location}", [*allow, f"return {refusal.status} '{refusal.body}';"]))
    return found


def _passed(headers: Iterable[str]) -> list[str]:
    # A header that is not there has an empty variable, and nginx sends none for it.
    variables = {header: f"$http_{header.lower().replace('-', '_')}" for header in headers}
    return [
        "proxy_set_header Connection close;",
        *(f"proxy_set_header {header} {variable};" for header, variable in variables.items()),
    ]


def _server(part: GatewayPart, port: int, lines: Iterable[str]) -> str:
    """What one port takes; anything that no location of `lines` takes is answered 404."""
    return block(
        "server",
        [
            f"listen {port};",
            "set $allowed '';",
            *lines,
            block("location /", ["return 404;"]),
            *_answers(_refusals(part)),
        ],
    )


def _open(route: Route, upstream_path: str, extra: Iterable[str] = ()) -> str:
    """One exact path, passed on as it is written here, however the caller has spelled it."""
    return _passed_on(f"= {route.path}", route.method, upstream_path, extra)


def _passed_on(place: str, method: str, upstream_path: str, extra: Iterable[str]) -> str:
    return block(
        f"location {place}",
        [
            f"set $allowed {method};",
            f"if ($request_method != {method}) {{ return 405; }}",
            *extra,
            f"proxy_pass http://127.0.0.1:{LITELLM_PORT}{upstream_path};",
        ],
    )


def _open_models() -> str:
    r"""A model by its name, known or not: LiteLLM answers for one that the key does not open as for one that is not.

    nginx matches the path that it has decoded and put in order; what goes on is the name that matched, and nothing
    else of the address. `\z` and not `$`, before which one more line break may stand.
    """
    place = rf'~ "^{MODELS_PATH}/(?<model>{MODEL_NAME})\z"'
    return _passed_on(place, "GET", f"{MODELS_PATH}/$model", _for_a_tenant(MODELS_PATH))


def _for_a_tenant(path: str) -> list[str]:
    """Nothing goes on without a key, or with parameters: they can name another team, and no tenant path needs one."""
    return [_without_key(path), "set $args '';"]


def _tenant_server(part: GatewayPart) -> str:
    return _server(
        part,
        part.port,
        [
            f"limit_conn requests {REQUESTS};",
            *([f"limit_conn callers {REQUESTS_OF_A_CALLER};"] if part.route is None else []),
            # The address of an engine; no caller needs it.
            "proxy_hide_header x-litellm-model-api-base;",
            *_passed(PASSED_REQUEST_HEADERS),
            block(f"location = {HEALTH_PATH}", ["access_log off;", 'return 200 \'{"status": "ok"}\';']),
            *(_open(route, route.path, _for_a_tenant(route.path)) for route in TENANT_ROUTES),
            _open_models(),
        ],
    )


def _without_key(path: str) -> str:
    """Refuse a request without any key before its body is taken; whether a key is good is LiteLLM's to say."""
    answer = errors.body(Situation.NO_KEY.value, path).decode()
    return "\n".join(
        [
            # A condition takes one variable; of two written together it reads the name of a header that nobody sends.
            'set $key "$http_authorization$http_x_api_key";',
            f"if ($key = '') {{ return {Situation.NO_KEY.value.status} '{answer}'; }}",
        ]
    )


def _admin_server(part: GatewayPart) -> str:
    return _server(
        part,
        part.admin_port,
        [
            *_passed(PASSED_ADMIN_HEADERS),
            # For the log of what is changed here. No header of a caller's passes unless it is listed.
            f"proxy_set_header {SOURCE_HEADER.decode()} $remote_addr;",
            *(_open(route, route.path) for route in ADMIN_ROUTES),
        ],
    )


def _metrics_server(part: GatewayPart) -> list[str]:
    if part.metrics_port is None:
        return []
    lines = [
        "access_log off;",
        *_passed(PASSED_ADMIN_HEADERS),
        # LiteLLM redirects the path without the slash.
        _open(Route(METRICS_PATH, "GET"), f"{METRICS_PATH}/"),
    ]
    return [_server(part, part.metrics_port, lines)]
