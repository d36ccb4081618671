"""What the benchmark of isolated caches asks, of whom, and how it reckons."""

import json
import random
import secrets
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from benchmarks.isolation import (
    REQUESTS,
    WITHOUT_CACHE,
    Answer,
    Extent,
    Question,
    Round,
    Way,
    ask,
    body_of,
    engine_names,
    measure,
    needed_engines,
    pod_like,
    questions,
    rows,
)
from components.engine.arguments import NOTHING_KEPT

KEY = secrets.token_bytes(32)
TENANTS = 8


def asked(way: Way) -> list[Question]:
    return questions(way, TENANTS, REQUESTS, KEY, random.Random(1))  # noqa: S311 - no secret


@pytest.mark.parametrize("way", Way)
def test_every_way_is_asked_the_same_number_of_prompts_of_the_same_kind(way: Way) -> None:
    prompts = [question.prompt for question in asked(way)]
    common = {tuple(prompt.split()[:360]) for prompt in prompts}

    assert len(set(prompts)) == len(prompts) == TENANTS * REQUESTS
    assert len(common) == 1


def test_tenants_are_asked_for_in_turns_and_not_one_after_the_other() -> None:
    salts = [question.salt for question in asked(Way.SALTED)]

    assert sum(one != other for one, other in pairwise(salts)) > TENANTS


def test_salts_are_each_tenant_s_own_and_only_where_caches_are_salted() -> None:
    assert len({question.salt for question in asked(Way.SALTED)}) == TENANTS
    assert all(not question.salt for way in Way if way is not Way.SALTED for question in asked(way))
    assert "cache_salt" not in body_of(asked(Way.SHARED)[0])
    assert body_of(asked(Way.SALTED)[0])["cache_salt"] == asked(Way.SALTED)[0].salt


@pytest.mark.parametrize("way", Way)
def test_a_way_asks_the_engines_that_it_needs_and_no_other(way: Way) -> None:
    assert {question.engine for question in asked(way)} == needed_engines(way, TENANTS)


def test_engines_of_one_tenant_are_as_many_as_tenants() -> None:
    assert needed_engines(Way.ENGINE_PER_TENANT, TENANTS) == set(engine_names(TENANTS))
    assert needed_engines(Way.OFF, TENANTS) == {WITHOUT_CACHE}


def test_a_copy_runs_what_the_deployed_engine_does_and_takes_none_of_its_requests() -> None:
    labels = {"app.kubernetes.io/name": "engine"}
    container = {"name": "engine", "image": "engine:1", "args": ["--port", "8000"]}
    deployment = {"spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}}
    kept, without = pod_like(deployment, "a", cache=True), pod_like(deployment, "b", cache=False)

    assert kept["spec"]["containers"][0]["args"] == ["--port", "8000"]
    assert without["spec"]["containers"][0]["args"] == ["--port", "8000", *NOTHING_KEPT]
    assert kept["metadata"]["labels"] != labels
    assert kept["metadata"]["name"] != without["metadata"]["name"]


def round_of(first: float, seconds: float) -> Round:
    return Round((Answer(first, first), Answer(first, first)), seconds)


def test_figures_stand_beside_their_ratio_to_shared_caches() -> None:
    found = {Way.SHARED: (round_of(0.1, 2.0),), Way.SALTED: (round_of(0.2, 4.0),), Way.OFF: None}

    first = "0.100 (0.100-0.100)", "x 1.00 (1.00-1.00)"
    twice = "0.200 (0.200-0.200)", "x 2.00 (2.00-2.00)"
    assert rows(found) == [
        ("shared", "1.000 (1.000-1.000)", "x 1.00 (1.00-1.00)", *first, *first),
        ("salted", "0.500 (0.500-0.500)", "x 0.50 (0.50-0.50)", *twice, *twice),
        ("off", "not measured", "", "", "", "", ""),
    ]


def test_a_ratio_is_that_within_a_round_and_told_with_its_spread() -> None:
    """A machine that gets slower from round to round tells nothing of a way."""
    shared = tuple(round_of(0.1, seconds) for seconds in (1.0, 2.0, 4.0))
    salted = tuple(round_of(0.1, seconds) for seconds in (1.0, 1.0, 8.0))
    (_, line) = rows({Way.SHARED: shared, Way.SALTED: salted})

    assert line[1:3] == ("2.000 (0.250-2.000)", "x 1.00 (0.50-2.00)")


def test_a_way_whose_engines_are_not_there_is_not_measured() -> None:
    assert measure([Way.OFF, Way.ENGINE_PER_TENANT], 2, Extent(), {"engine-0": 1}, "key") == {
        Way.OFF: None,
        Way.ENGINE_PER_TENANT: None,
    }


class _Engine(BaseHTTPRequestHandler):
    """Streams two tokens, whole or cut short, by the prompt."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200 if body["prompt"] != "refused" else 400)
        self.end_headers()
        for event in (b"{}", b"{}", *((b"[DONE]",) if body["prompt"] != "broken" else ())):
            self.wfile.write(b"data: " + event + b"\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Keep quiet."""


@pytest.fixture
def engine_port() -> Generator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Engine) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_an_answer_is_timed_to_its_first_token_and_to_its_end(engine_port: int) -> None:
    answer = ask(engine_port, "key", Question("engine-0", "whole", ""))

    assert 0 < answer.first_token <= answer.seconds


@pytest.mark.parametrize("prompt", ["broken", "refused"])
def test_an_answer_that_is_not_whole_is_no_figure(engine_port: int, prompt: str) -> None:
    with pytest.raises(RuntimeError):
        ask(engine_port, "key", Question("engine-0", prompt, ""))


def test_every_round_is_measured_by_itself(engine_port: int) -> None:
    measured = measure([Way.SHARED], 2, Extent(requests=3, rounds=4), {"engine-0": engine_port}, "key")[Way.SHARED]

    assert measured is not None
    assert [len(one.answers) for one in measured] == [6, 6, 6, 6]
    assert all(one.per_second > 0 for one in measured)
