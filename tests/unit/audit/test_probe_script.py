"""The probe that runs in pods, run here against sockets of this machine."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from infra.audit.packets import probe

SCRIPT = probe.__file__
NEVER_OPEN = {"milliseconds": None, "ended": True}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def call(**plan: Any) -> dict[str, Any]:
    command = [sys.executable, "-I", "-S", SCRIPT, "call", json.dumps({"settle": 0, "targets": [], **plan})]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def server(port: int, *, knock: bool = False) -> Generator[None]:
    plan = json.dumps({"ports": [port], "knock": knock})
    command = [sys.executable, "-I", "-S", SCRIPT, "serve", plan]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == {"listening": True}
            yield
        finally:
            process.kill()


def test_what_answers_is_reached_and_what_does_not_is_not():
    port, closed = free_port(), free_port()
    with server(port):
        found = call(
            targets=[
                {"id": "open", "host": "127.0.0.1", "port": port},
                {"id": "closed", "host": "127.0.0.1", "port": closed},
            ]
        )
    assert found == {"reached": {"open": True, "closed": False}, "windows": {}}


def test_a_target_that_never_answers_was_never_seen_open():
    """Which is another thing than a window of no time: whether anything answers there, nobody knows."""
    found = call(window=["127.0.0.1", free_port()])
    assert found["windows"] == {"out": NEVER_OPEN}


def test_a_target_that_ends_to_answer_has_a_window_until_then():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closing = threading.Thread(target=answer_once, args=(listening,))
        closing.start()
        found = call(window=list(listening.getsockname()))["windows"]["out"]
        closing.join()
    assert found["ended"]
    assert found["milliseconds"] > 0


def answer_once(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    connection.close()
    listening.close()


def test_a_target_that_always_answers_has_a_window_without_an_end():
    port = free_port()
    with server(port):
        found = call(window=["127.0.0.1", port])["windows"]["out"]
    assert not found["ended"]
    assert found["milliseconds"] > 1000


def test_whoever_is_knocked_at_for_ever_was_never_closed():
    port = free_port()
    with server(port, knock=True):
        assert not call(knocker=["127.0.0.1", port])["windows"]["in"]["ended"]


def test_whoever_cannot_even_ask_to_be_knocked_at_is_closed_already():
    assert call(knocker=["127.0.0.1", free_port()])["windows"] == {"in": NEVER_OPEN}


def test_a_caller_that_is_visited_waits_until_it_was():
    port = free_port()
    knock = threading.Thread(target=knock_at, args=(port,))
    knock.start()
    found = call(visited={"port": port, "seconds": 30})
    knock.join()
    assert found == {"reached": {}, "windows": {}, "visited": True}


def knock_at(port: int) -> None:
    while not probe.connects("127.0.0.1", port, 1):
        time.sleep(0.05)


def test_a_caller_whom_nobody_visits_calls_all_the_same_and_says_so():
    port = free_port()
    with server(port):
        targets = [{"id": "open", "host": "127.0.0.1", "port": port}]
        found = call(visited={"port": free_port(), "seconds": 0.1}, targets=targets)
    assert found == {"reached": {"open": True}, "windows": {}, "visited": False}
