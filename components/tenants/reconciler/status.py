"""What the reconciler says of itself: whether the accounts are made, and figures for Prometheus."""

import datetime
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .model import State, Tenant
from .passes import Settled
from .plan import removed_teams

PREFIX = "bulkhead_tenant"
TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
OK, NOT_FOUND, UNAVAILABLE = 200, 404, 503

Sample = tuple[str, float]
"""A sample's labels, as `{tenant="research"}`, and its value."""


@dataclass(frozen=True)
class Metric:
    """One metric with its samples, as Prometheus reads it."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]

    def lines(self) -> Iterator[str]:
        """Its lines in Prometheus' text format."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.samples:
            yield f"{self.name}{labels} {value:.15g}"


class Status:
    """The state of the loop; written by it, read by whoever asks over HTTP."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = False
        self._successes = 0
        self._failures = 0
        self._writes = 0
        self._seconds = 0.0
        self._succeeded_at = 0.0
        self._tenants: Sequence[Tenant] = ()
        self._settled: Settled | None = None

    @property
    def ready(self) -> bool:
        """Whether the accounts are what the records say, and no replica remembers them otherwise."""
        with self._lock:
            return self._ready

    def become_ready(self) -> None:
        """Say so from now on: a gateway that goes away later makes the accounts no less made."""
        with self._lock:
            self._ready = True

    def saw(self, tenants: Sequence[Tenant], settled: Settled) -> None:
        """Note what a pass wrote and what there is then, also where a tenant was refused: others' figures go on."""
        with self._lock:
            self._writes += settled.written
            self._tenants, self._settled = tenants, settled

    def succeeded(self, seconds: float, now: float) -> None:
        """Note a pass that ended well; `now` in seconds since 1970."""
        with self._lock:
            self._successes += 1
            self._seconds = seconds
            self._succeeded_at = now

    def failed(self, seconds: float) -> None:
        """Note a pass that did not end well."""
        with self._lock:
            self._failures += 1
            self._seconds = seconds

    def exposition(self) -> str:
        """Everything in Prometheus' text format; no label holds a key or a hash."""
        with self._lock:
            metrics = [*self._own_metrics(), *self._account_metrics()]
        return "".join(f"{line}\n" for metric in metrics for line in metric.lines())

    def _own_metrics(self) -> Iterator[Metric]:
        passes = (('{result="success"}', float(self._successes)), ('{result="failure"}', float(self._failures)))
        yield Metric(f"{PREFIX}s_passes_total", "counter", "Passes over all tenants' accounts.", passes)
        yield _plain("s_writes_total", "counter", "Changes made at the gateway.", self._writes)
        yield _plain("s_pass_seconds", "gauge", "How long the last pass took.", self._seconds)
        yield _plain(
            "s_last_success_timestamp_seconds", "gauge", "When a pass last ended well; 0: never.", self._succeeded_at
        )

    def _account_metrics(self) -> Iterator[Metric]:
        if self._settled is None:
            return
        state, tenants = self._settled.state, self._tenants
        blocked = len(removed_teams(tenants, state))
        yield _plain("s_listed", "gauge", "Tenants that have an account.", len(tenants))
        yield _plain("s_blocked", "gauge", "Tenants that were removed, whose spend is kept.", blocked)
        yield _plain("s_keys_made_by_hand", "gauge", "Keys that nobody listed.", len(self._settled.strangers))
        for name, field, text in (
            ("spend_usd", "spend", "US dollars spent in the running period."),
            ("budget_usd", "max_budget", "US dollars that may be spent in one period."),
            ("budget_reset_timestamp_seconds", "budget_reset_at", "When the running period ends."),
            ("requests_per_minute_limit", "rpm_limit", "Requests in a minute at most."),
            ("tokens_per_minute_limit", "tpm_limit", "Tokens in a minute at most."),
        ):
            yield Metric(f"{PREFIX}_{name}", "gauge", text, tuple(_samples(field, tenants, state)))


def _plain(name: str, kind: str, text: str, value: float) -> Metric:
    return Metric(f"{PREFIX}{name}", kind, text, (("", float(value)),))


def _samples(field: str, tenants: Sequence[Tenant], state: State) -> Iterator[Sample]:
    for tenant in tenants:
        value = _number(state.teams.get(tenant.team_id, {}).get(field))
        if value is not None:
            yield f'{{tenant="{tenant.name}"}}', value


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of somebody who asked and did not wait for the answer."""


def serve(status: Status, port: int) -> ThreadingHTTPServer:
    """Answer `/ready` and `/metrics` from a thread of its own; the caller closes the server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/ready":
                    self._answer(OK if status.ready else UNAVAILABLE, "ready\n" if status.ready else "not yet\n")
                case "/metrics":
                    self._answer(OK, status.exposition())
                case _:
                    self._answer(NOT_FOUND, "only /ready and /metrics are here\n")

        def _answer(self, code: int, text: str) -> None:
            content = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", TEXT_FORMAT)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = _Server(("", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
