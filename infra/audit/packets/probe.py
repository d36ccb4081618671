"""What a probe pod runs: it answers connections, or opens them and prints which ones were answered.

Sent to the pod as text, so it imports nothing but the standard library and nothing of this project.

    probe.py serve '{"ports": [8080], "knock": true}'
    probe.py call '{"window": ["10.96.0.1", 443], "knocker": ["10.244.0.9", 8080], "settle": 2, "targets": [...]}'
    probe.py call '{"visited": {"port": 8000, "seconds": 180}, "settle": 2, "targets": [...]}'

A target is `{"id": "...", "host": "...", "port": 53, "udp": false}`. The last line of `call` is one JSON document:
`{"reached": {id: bool}, "windows": {"out": window, "in": window}, "visited": bool}`, and what was not asked about is
absent. A window is `{"milliseconds": 12.5, "ended": true}`: when it was last seen open, null where it never was, and
whether it was seen to end. `visited` says whether anybody's connection to this pod opened within that time, so that its
network is known to carry something.
"""

import json
import socket
import struct
import sys
import threading
import time
from typing import Any

START = time.monotonic()
PATIENCE = 2.0
"""Seconds that a connection may take before it counts as refused: policies reject, or drop without a word."""
ATTEMPTS = 3
QUICK = 0.25
LULL = 1.0
"""Seconds without a success after which a window has ended."""
LONGEST = 6.0
KNOCK_PORT = 8081
WORKERS = 16
DNS_PORT = 53


def connects(host: str, port: int, patience: float) -> bool:
    """Whether a TCP connection opens."""
    try:
        with socket.create_connection((host, port), timeout=patience):
            return True
    except OSError:
        return False


def resolves(host: str, port: int, patience: float) -> bool:
    """Whether a DNS server answers a question over UDP."""
    question = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    question += b"\x0akubernetes\x07default\x03svc\x00" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(patience)
        try:
            sender.sendto(question, (host, port))
            return bool(sender.recv(512))
        except OSError:
            return False


def answers(target: dict[str, Any]) -> bool:
    """Whether a target answers in one of a few attempts."""
    ask = resolves if target.get("udp") else connects
    return any(ask(target["host"], target["port"], PATIENCE) for _ in range(ATTEMPTS))


def serve(plan: dict[str, Any]) -> None:
    """Answer on every port until the pod is ended; who says `knock PORT` is called back until nobody answers."""
    for port in plan["ports"]:
        listen(port, knock_back if plan.get("knock") else None)
    own = socket.gethostbyname(socket.gethostname())
    print(json.dumps({"listening": all(connects(own, port, PATIENCE) for port in plan["ports"])}), flush=True)
    threading.Event().wait()


def listen(port: int, accepted: Any = None) -> None:
    """Accept connections on a port in the background."""
    server = socket.create_server(("", port), backlog=256)

    def accept() -> None:
        while True:
            connection, (address, *_) = server.accept()
            if accepted is None:
                connection.close()
            else:
                threading.Thread(target=accepted, args=(connection, address), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def knock_back(connection: socket.socket, address: str) -> None:
    """Call the port that a caller names until it has not answered for a while."""
    with connection:
        connection.settimeout(QUICK)
        try:
            word, _, port = connection.recv(64).decode().partition(" ")
        except OSError:
            return
    if word == "knock":
        open_until(lambda: connects(address, int(port), QUICK))


def window(last: "float | None", *, ended: bool = True) -> dict[str, Any]:
    """How long something was open that was last seen so `last` seconds after the process's start, if ever."""
    return {"milliseconds": None if last is None else round(1000 * last, 1), "ended": ended}


def open_until(attempt: Any) -> dict[str, Any]:
    """How long `attempt` succeeded; it is over after a lull, and given up when there is none."""
    last, begun = None, time.monotonic()
    while time.monotonic() - begun < LONGEST:
        if attempt():
            last = time.monotonic() - START
        elif time.monotonic() - max(START + (last or 0.0), begun) > LULL:
            return window(last)
        time.sleep(0.005)
    return window(last, ended=False)


def open_outwards(plan: dict[str, Any], found: dict[str, Any]) -> None:
    """How long the forbidden target of `plan` could be reached."""
    host, port = plan["window"]
    found["out"] = open_until(lambda: connects(host, port, QUICK))


def open_inwards(plan: dict[str, Any], found: dict[str, Any]) -> None:
    """How long somebody who must not could reach this pod; never, where not even the request to try got out."""
    knocked: list[float] = []

    def accepted(connection: socket.socket, _address: str) -> None:
        knocked.append(time.monotonic() - START)
        connection.close()

    listen(KNOCK_PORT, accepted)
    try:
        with socket.create_connection(tuple(plan["knocker"]), timeout=QUICK) as connection:
            connection.sendall(f"knock {KNOCK_PORT}".encode())
    except OSError:
        found["in"] = window(None)
        return
    time.sleep(LULL)
    while knocked and time.monotonic() - START - knocked[-1] < LULL:
        if time.monotonic() - START > LONGEST:
            found["in"] = window(knocked[-1], ended=False)
            return
        time.sleep(0.05)
    found["in"] = window(max(knocked, default=None))


def visited(plan: dict[str, Any]) -> bool:
    """Whether somebody reached this pod in the time that it waits for that."""
    came = threading.Event()

    def accepted(connection: socket.socket, _address: str) -> None:
        connection.close()
        came.set()

    listen(plan["visited"]["port"], accepted)
    return came.wait(plan["visited"]["seconds"])


def call(plan: dict[str, Any]) -> None:
    """Wait for a visit, measure the windows, wait until rules have landed, then try every target."""
    seen = {"visited": visited(plan)} if plan.get("visited") else {}
    found: dict[str, Any] = {}
    measures = [
        threading.Thread(target=measure, args=(plan, found))
        for key, measure in (("knocker", open_inwards), ("window", open_outwards))
        if plan.get(key)
    ]
    for thread in measures:
        thread.start()
    for thread in measures:
        thread.join()
    time.sleep(max(0.0, plan["settle"] - (time.monotonic() - START)))
    waiting = list(plan["targets"])
    reached: dict[str, bool] = {}

    def work() -> None:
        while waiting:
            try:
                target = waiting.pop()
            except IndexError:
                return
            reached[target["id"]] = answers(target)

    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    print(json.dumps({"reached": reached, "windows": found, **seen}), flush=True)


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](json.loads(sys.argv[2]))
