"""A pod in the place of a model's engines, which keeps what arrives and answers nothing, or always the same."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from components.engine.door import DOOR_SIDECAR
from lab.cluster import Kubectl
from tests.lab.workloads import pod, pod_spec

NAME = "recorder"
SETTLE_SECONDS = 3
"""Until every node has learnt where the Service leads now; the gateway keeps no connection from before."""
SCRIPT = """
import http.server
import json
import sys

canned = json.loads(sys.argv[1]) if sys.argv[1:] else None

class Recorder(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return self.client_address[0]
    def log_message(self, *arguments):
        pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-")}
        print(json.dumps({"body": body, "headers": headers}), flush=True)
        if canned is None:
            self.answer(400, "application/json", b"")
        elif body.get("stream"):
            events = [*map(json.dumps, canned["chunks"]), "[DONE]"]
            self.answer(200, "text/event-stream", *(f"data: {event}\\n\\n".encode() for event in events))
        else:
            self.answer(200, "application/json", json.dumps(canned["whole"]).encode())
    def answer(self, status, kind, *parts):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(sum(map(len, parts))))
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

http.server.ThreadingHTTPServer.server_bind = __import__("socketserver").TCPServer.server_bind
http.server.ThreadingHTTPServer(("", 8000), Recorder).serve_forever()
"""
"""An answer of 400 is final for LiteLLM. The plain `server_bind` looks no name up, which no DNS would answer here."""


@dataclass(frozen=True)
class Canned:
    """What every request is answered.

    Attributes:
        whole: The document of one that asks for the answer at once.
        chunks: The documents of the events of one that asks for a stream, in their order.
    """

    whole: dict[str, Any]
    chunks: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Arrived:
    """One request.

    Attributes:
        body: What it holds.
        headers: Those whose names begin with `x-`, in lower case; no key is among them.
    """

    body: dict[str, Any]
    headers: dict[str, str]


@contextmanager
def recording(
    kubectl: Kubectl, namespace: str, service: str, canned: Canned | None = None
) -> Generator[Callable[[], list[Arrived]]]:
    """Lead `service` to a recorder; yields what gives the requests that have arrived, in their order.

    What is not `canned` it refuses.
    """
    place = ("--namespace", namespace)
    engines = json.loads(kubectl.run("get", "service", service, *place, "--output=json"))["spec"]["selector"]
    engine = json.loads(kubectl.run("get", "deployment", service, *place, "--output=json"))["spec"]["template"]["spec"]
    labels = {**engines, "app.kubernetes.io/instance": NAME}
    kubectl.apply([pod(NAME, namespace, _spec(engine, canned), labels=labels)])
    try:
        kubectl.run("wait", "pod", NAME, *place, "--for=condition=Ready", "--timeout=120s", timeout=150)
        _lead(kubectl, namespace, service, labels)
        time.sleep(SETTLE_SECONDS)
        yield lambda: [
            Arrived(**json.loads(line)) for line in kubectl.run("logs", NAME, "--container=main", *place).splitlines()
        ]
    finally:
        _lead(kubectl, namespace, service, engines)
        kubectl.run("delete", "pod", NAME, *place, "--ignore-not-found", "--wait=false")


def _spec(engine: dict[str, Any], canned: Canned | None) -> dict[str, Any]:
    """A pod as an engine's, with the door where engines have one: the gateway calls that and nothing behind it."""
    doors = [one for one in engine.get("initContainers", ()) if one["name"] == DOOR_SIDECAR.name]
    needed = {mount["name"] for door in doors for mount in door["volumeMounts"]}
    spec = pod_spec()
    recorder = {
        **spec["containers"][0],
        "image": engine["containers"][0]["image"],
        "command": ["python3", "-u", "-c", SCRIPT],
        "args": [] if canned is None else [json.dumps(asdict(canned))],
        "ports": [{"name": "http", "containerPort": 8000}],
    }
    return {
        **spec,
        "containers": [recorder],
        "initContainers": doors,
        "securityContext": engine["securityContext"],
        "terminationGracePeriodSeconds": 0,
        "volumes": [volume for volume in engine.get("volumes", ()) if volume["name"] in needed],
    }


def _lead(kubectl: Kubectl, namespace: str, service: str, selector: dict[str, str]) -> None:
    patch = json.dumps({"spec": {"selector": selector}})
    kubectl.run("patch", "service", service, "--namespace", namespace, "--type=merge", "--patch", patch)
