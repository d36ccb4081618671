import json
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import yaml

from lab.errors import LabError
from lab.quickstart import completion
from lab.quickstart.completion import GatewayClient
from lab.quickstart.elsewhere import SMALL_HUB_MODEL, adapt
from lab.quickstart.phases import Phases

PROJECT = Path(__file__).resolve().parents[3]


class FakeGateway(BaseHTTPRequestHandler):
    spends: ClassVar[list[float]] = []
    completion_status = 200

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def do_GET(self) -> None:
        spend = self.spends.pop(0) if len(self.spends) > 1 else self.spends[0]
        self._answer(200, {"info": {"spend": spend}})

    def do_POST(self) -> None:
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        message = {"content": "hello"}
        self._answer(self.completion_status, {"choices": [{"message": message}], "usage": usage})


@pytest.fixture
def gateway() -> Generator[GatewayClient]:
    server = HTTPServer(("127.0.0.1", 0), FakeGateway)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield GatewayClient(server.server_port, server.server_port, "tenant", "master")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_completion_is_shown_with_the_spend_that_it_caused(gateway: GatewayClient) -> None:
    FakeGateway.spends, FakeGateway.completion_status = [1.0, 1.0, 1.5], 200
    answer = gateway.complete("tiny")
    assert (answer.text, answer.spend_before_usd, answer.spend_after_usd) == ("hello", 1.0, 1.5)


def test_a_completion_without_spend_is_a_failure(gateway: GatewayClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "SPEND_SECONDS", 0.1)
    FakeGateway.spends, FakeGateway.completion_status = [1.0], 200
    with pytest.raises(LabError, match="no spend was recorded"):
        gateway.complete("tiny")


def test_a_refused_completion_is_a_failure_that_names_no_key(gateway: GatewayClient) -> None:
    FakeGateway.spends, FakeGateway.completion_status = [1.0], 401
    with pytest.raises(LabError, match="status 401") as failure:
        gateway.complete("tiny")
    assert "tenant" not in str(failure.value)


def test_the_local_stack_for_another_context_needs_nothing_of_the_lab() -> None:
    document = yaml.safe_load((PROJECT / "Pulumi.local.yaml").read_text())
    config = adapt(document, "kind-bulkhead")["config"]
    assert config["bulkhead:cluster"]["context"] == "kind-bulkhead"
    assert "bulkhead:sources" not in config
    assert [model["source"] for model in config["bulkhead:models"]] == [SMALL_HUB_MODEL]


def test_the_summary_names_each_phase_in_its_order() -> None:
    phases = Phases(total=2)
    with phases.phase("one", "first"):
        pass
    with phases.phase("two", "second"):
        pass
    assert phases.summary() == "one 0 s, two 0 s; together 0 s"
