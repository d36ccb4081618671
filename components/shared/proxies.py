"""Pieces of nginx's configuration that its several uses here share. Pure."""

from collections.abc import Iterable

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
