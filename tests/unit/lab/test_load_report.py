"""What the load's report counts as wrong, lost and slow, and that the client tells endings apart."""

import json
import threading
from collections.abc import Generator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.lab.load import Ending, Kind, Load, Outcome, Question, Report, percentile

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def outcome(
    text: str = "same", kind: Kind = Kind.PLAIN, ending: Ending = Ending.COMPLETE, question: int = 0
) -> Outcome:
    return Outcome(kind, question, 0.0, 1.0, ending=ending, text=text, prompt_tokens=3, completion_tokens=2)


def test_a_streamed_answer_that_lacks_a_piece_of_the_plain_one_is_wrong() -> None:
    report = Report((outcome(), outcome("sam", Kind.STREAM), outcome("other", question=1)), 2.0)
    assert [wrong.text for wrong in report.wrong] == ["sam"]


def test_what_was_lost_or_refused_is_neither_wrong_nor_paid_for() -> None:
    report = Report((outcome(), outcome("sa", ending=Ending.LOST), outcome("", ending=Ending.REFUSED)), 1.0)
    assert (len(report.answered), len(report.lost), len(report.refused), report.wrong) == (1, 1, 1, ())
    assert report.cost(Decimal("0.20"), Decimal("0.60")) == Decimal("0.0000018")


def test_what_is_lost_refused_or_wrong_is_unanswered() -> None:
    lost, refused, wrong = outcome(ending=Ending.LOST), outcome(ending=Ending.REFUSED), outcome("other")

    assert Report((outcome(), lost, refused, wrong, outcome()), 1.0).unanswered == (lost, refused, wrong)


@pytest.mark.parametrize(("percent", "value"), [(50, 2.0), (95, 4.0), (1, 1.0), (100, 4.0)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == value
    assert percentile([], percent) == 0.0


class _Gateway(BaseHTTPRequestHandler):
    """Answers by the model's name: whole, refused, or cut short."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["model"] == "refused":
            return self._send(
                503, json.dumps({"error": {"message": "away", "type": "x", "param": None, "code": "503"}})
            )
        if not asked.get("stream"):
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a b"}}
            body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            return self._send(200, json.dumps({**body, "usage": USAGE}))
        lines = [self._chunk("a", None), self._chunk(" b", "stop"), {**self._chunk("", None), "usage": USAGE}]
        sent = lines[:1] if asked["model"] == "cut" else lines
        text = "".join(f"data: {json.dumps(line)}\n\n" for line in sent)
        return self._send(200, text if asked["model"] == "cut" else f"{text}data: [DONE]\n\n", "text/event-stream")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing on the terminal."""

    @staticmethod
    def _chunk(text: str, reason: str | None) -> dict[str, object]:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
        return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}

    def _send(self, status: int, text: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def sent(address: str, model: str) -> Report:
    question = (Question("x", 2),)
    return Load(
        address, "sk-none", model, concurrency=2, questions=question, requests=6, seconds=20, pause_seconds=0, inside=()
    ).run()


def test_streamed_and_plain_answers_are_whole_and_the_same(address: str) -> None:
    report = sent(address, "whole")
    assert len(report.answered) == 6
    assert {found.kind for found in report.answered} == set(Kind)
    assert report.wrong == ()
    assert report.completion_tokens == 12


def test_an_error_is_told_from_an_answer_that_stopped(address: str) -> None:
    assert {(found.ending, found.status) for found in sent(address, "refused").outcomes} == {(Ending.REFUSED, 503)}
    cut = sent(address, "cut")
    assert {found.kind for found in cut.lost} == {Kind.STREAM}
    assert {found.kind for found in cut.answered} == {Kind.PLAIN}
