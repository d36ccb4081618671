"""LiteLLM's administration interface in memory, as version 1.106.2 answers where `reconcile.py` asks."""

import copy
import hashlib
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, Any]
KEY_DEFAULTS: Json = {
    "blocked": None,
    "models": [],
    "allowed_routes": [],
    "metadata": {},
    "spend": 0.0,
    "expires": None,
    "max_budget": None,
    "max_parallel_requests": None,
    "rpm_limit": None,
    "tpm_limit": None,
}
TEAM_DEFAULTS: Json = {"blocked": False, "models": [], "metadata": None, "spend": 0.0}


class ConnectionLostError(Exception):
    """The connection broke: the write may or may not have been made."""


class FakeGateway:
    """Teams and keys; implements `Admin`, and can fail like the real thing.

    Attributes:
        writes: Each write's path and body, in order.
        fail_after: How many writes are made before the connection is lost; None: never.
    """

    def __init__(self) -> None:
        self.teams: dict[str, Json] = {}
        self.keys: dict[str, Json] = {}
        self.writes: list[tuple[str, Json]] = []
        self.budget_periods_started: list[str] = []
        self.fail_after: int | None = None

    def get(self, path: str, query: Mapping[str, Any]) -> Json:
        page = int(query["page"])
        if path == "/v2/team/list":
            teams = [self.teams[team] for team in sorted(self.teams)]
            return self._page("teams", teams, page, int(query["page_size"]))
        if path == "/key/list":
            assert query["return_full_object"] == "true"
            return self._page("keys", list(self.keys.values()), page, int(query["size"]))
        raise AssertionError(path)

    def _page(self, field: str, items: list[Json], page: int, size: int) -> Json:
        assert 1 <= size <= 100
        chosen = copy.deepcopy(items[(page - 1) * size : page * size])
        return {field: chosen, "total_pages": -(-len(items) // size), "page": page}

    def post(self, path: str, body: Json) -> int:
        if self.fail_after is not None and len(self.writes) >= self.fail_after:
            raise ConnectionLostError(path)
        self.writes.append((path, copy.deepcopy(body)))
        return getattr(self, path.strip("/").replace("/", "_"))(copy.deepcopy(body))

    def team_new(self, body: Json) -> int:
        if body["team_id"] in self.teams:
            return 400
        self.teams[body["team_id"]] = {**copy.deepcopy(TEAM_DEFAULTS), **body}
        self.budget_periods_started.append(body["team_id"])
        return 200

    def team_update(self, body: Json) -> int:
        self.teams[body["team_id"]].update(body)
        if "budget_duration" in body:
            self.budget_periods_started.append(body["team_id"])
        return 200

    def key_generate(self, body: Json) -> int:
        key = body.pop("key")
        assert key.startswith("sk-") and len(key) >= 16
        if any(other["key_alias"] == body["key_alias"] for other in self.keys.values()):
            return 400
        token = hashlib.sha256(key.encode()).hexdigest()
        self.keys[token] = {**copy.deepcopy(KEY_DEFAULTS), **body, "token": token}
        return 200

    def key_update(self, body: Json) -> int:
        token = body.pop("key")
        assert not token.startswith("sk-"), "an update names a key by its hash"
        body.pop("expires", None)
        if "duration" in body:
            assert body.pop("duration") is None, "nothing is to give a key an end"
            self.keys[token]["expires"] = None
        self.keys[token].update(body)
        return 200

    def spend(self) -> dict[str, float]:
        """What each team has spent."""
        return {team: record["spend"] for team, record in self.teams.items()}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of somebody who did not wait for the answer."""


def serve(gateway: FakeGateway, master_key: str, failures: list[int]) -> ThreadingHTTPServer:
    """An HTTP server for the gateway; the caller starts it and ends it.

    Args:
        gateway: What answers.
        master_key: The only key that it takes.
        failures: Statuses that it answers first, one for each request, instead of doing anything.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/health/readiness":
                self._answer(200, {"db": "connected"})
            elif self._may():
                self._answer(200, gateway.get(parts.path, dict(parse_qsl(parts.query))))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self._may():
                status = gateway.post(self.path, body)
                message = "Team id already exists" if status == 400 else "done"
                self._answer(status, {"error": {"message": f"{message} {body.get('key', '')}"}})

        def _may(self) -> bool:
            if failures:
                self._answer(failures.pop(0), {"error": {"message": f"no {self.headers['Authorization']}"}})
                return False
            if self.headers["Authorization"] != f"Bearer {master_key}":
                self._answer(401, {"error": {"message": "invalid key"}})
                return False
            return True

        def _answer(self, status: int, body: Json) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    return _Server(("127.0.0.1", 0), Handler)
