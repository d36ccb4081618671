"""A pod in the place of a model's engines, which keeps what arrives and answers nothing."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
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

class Recorder(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return self.client_address[0]
    def log_message(self, *arguments):
        pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-")}
        print(json.dumps({"body": body, "headers": headers}), flush=True)
        self.send_response(400)
        self.send_header("content-length", "0")
        self.end_headers()

http.server.ThreadingHTTPServer.server_bind = __import__("socketserver").TCPServer.server_bind
http.server.ThreadingHTTPServer(("", 8000), Recorder).serve_forever()
"""
"""An answer of 400 is final for LiteLLM. The plain `server_bind` looks no name up, which no DNS would answer here."""


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
def recording(kubectl: Kubectl, namespace: str, service: str) -> Generator[Callable[[], list[Arrived]]]:
    """Lead `service` to a recorder; yields what gives the requests that have arrived, in their order."""
    place = ("--namespace", namespace)
    engines = json.loads(kubectl.run("get", "service", service, *place, "--output=json"))["spec"]["selector"]
    engine = json.loads(kubectl.run("get", "deployment", service, *place, "--output=json"))["spec"]["template"]["spec"]
    labels = {**engines, "app.kubernetes.io/instance": NAME}
    kubectl.apply([pod(NAME, namespace, _spec(engine), labels=labels)])
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


def _spec(engine: dict[str, Any]) -> dict[str, Any]:
    """A pod as an engine's, with the door where engines have one: the gateway calls that and nothing behind it."""
    doors = [one for one in engine.get("initContainers", ()) if one["name"] == DOOR_SIDECAR.name]
    needed = {mount["name"] for door in doors for mount in door["volumeMounts"]}
    spec = pod_spec()
    recorder = {
        **spec["containers"][0],
        "image": engine["containers"][0]["image"],
        "command": ["python3", "-u", "-c", SCRIPT],
        "args": [],
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
