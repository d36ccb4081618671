"""The audit's own client: what it asks again, and what it takes for an answer."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from infra.audit.cluster import THROTTLED_SECONDS, AuditedCluster

Said = tuple[int, dict[str, str]]
LATER: Said = (429, {"Retry-After": "1"})
GRANTED: Said = (200, {})


@contextmanager
def saying(answers: Sequence[Said]) -> Generator[tuple[AuditedCluster, list[str]]]:
    """An API server that gives these answers in turn, the last one for ever, and the methods that it was asked with."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(self.command)
            status, headers = answers[min(len(asked), len(answers)) - 1]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - as the server calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called where it comes from
            """Nothing: standard error is the tests'."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield AuditedCluster(f"http://127.0.0.1:{server.server_port}", urllib3.PoolManager(), {}), asked
    finally:
        server.shutdown()
        server.server_close()


class Clock:
    """Time that passes while it is slept through, and else stands."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.audit.cluster._PAUSE_SECONDS", (0.01, 0.01))


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_come_back_later_is_asked_again(method: str, status: int):
    later: Said = (status, {"Retry-After": "1"})
    with saying([later, later, GRANTED]) as (cluster, asked):
        assert cluster.call(method, "/api", {}).status == 200
    assert asked == [method] * 3


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_one_that_never_has_time_is_left_after_a_while_and_its_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, method: str
):
    clock = Clock()
    monkeypatch.setattr("infra.audit.cluster.time", clock)
    monkeypatch.setattr("infra.audit.cluster._PAUSE_SECONDS", (1.0, 1.0))
    with saying([LATER]) as (cluster, asked):
        assert cluster.call(method, "/api").status == 429
    assert len(asked) == 1 + THROTTLED_SECONDS
    assert clock.now == THROTTLED_SECONDS


@pytest.mark.parametrize("said", [(503, {}), (500, {"Retry-After": "1"}), (403, {})], ids=lambda said: str(said[0]))
def test_any_other_answer_stands(said: Said):
    with saying([said, GRANTED]) as (cluster, asked):
        assert cluster.call("GET", "/api").status == said[0]
    assert asked == ["GET"]
