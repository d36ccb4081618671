"""The gateway's edge on the lab: what it opens, to whom, and what it answers itself."""

import dataclasses
import json
import time
from collections.abc import Generator
from typing import Any

import pytest
import urllib3

from components.gateway.edge import LITELLM_PORT
from components.gateway.exposure import exposure_objects
from infra.blueprint.model import ListenerPart, NewListenerPart, RoutePart, SecretCertificatePart
from infra.blueprint.routes import ADMIN_ROUTES
from infra.pins import LITELLM_IMAGE
from lab import cluster
from tests.lab.faults import wait_until
from tests.lab.packets import probing
from tests.lab.platform import GATEWAY, MODEL, TENANT, TeamPlatform, pods
from tests.plan.crds import gateway_api_definitions
from tests.unit.components.parts import GATEWAY as PART

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SELECTOR = "app.kubernetes.io/name=gateway"
READY_SECONDS = 180
RULE_SECONDS = 30
"""In which a changed policy reaches the node's firewall; it takes less than one."""


def ask(port: int, method: str, path: str, key: str, **options: Any) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
    url = f"http://127.0.0.1:{port}{path}"
    return urllib3.request(method, url, headers=headers, timeout=60, retries=False, **options)


def code(response: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    """The status, and the code of an error in OpenAI's shape."""
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return response.status, str(error["code"])


@pytest.fixture(scope="module")
def tenants_port(team: TeamPlatform) -> Generator[int]:
    with team.gateway() as port:
        yield port


def test_a_listed_path_is_served_however_the_caller_spells_it(team: TeamPlatform, tenants_port: int) -> None:
    for path in ("/v1/models", "//v1//models", "/key/../v1/models", "/v1/%6dodels?team_id=somebody"):
        assert [model["id"] for model in ask(tenants_port, "GET", path, team.keys[TENANT]).json()["data"]] == [MODEL]


@pytest.mark.parametrize("route", ADMIN_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_no_administration_path_is_there_for_tenants_whatever_the_key(
    team: TeamPlatform, tenants_port: int, route: Any
) -> None:
    assert code(ask(tenants_port, route.method, route.path, team.master_key)) == (404, "unknown_url")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1"),
        ("POST", "/vllm/v1/completions"),
        ("GET", "/ui"),
        ("GET", "/metrics"),
        ("GET", "/v1/models/no.name"),
        ("GET", "/v1/models/nothing/more"),
        ("GET", "/v1/models/nothing%2fmore"),
        ("GET", "/v1/models/nothing%0a"),
        ("POST", "/v1/chat/completions/"),
    ],
)
def test_what_is_not_listed_is_not_found_in_the_shape_of_openai_s_errors(
    team: TeamPlatform, tenants_port: int, method: str, path: str
) -> None:
    assert code(ask(tenants_port, method, path, team.master_key)) == (404, "unknown_url")


def test_a_model_s_name_is_found_or_not_by_litellm_and_without_the_caller_s_parameters(
    team: TeamPlatform, tenants_port: int
) -> None:
    for path in (f"/v1/models/{MODEL}", f"//v1//models/{MODEL}", f"/v1/models/%74{MODEL[1:]}?team_id=somebody"):
        assert ask(tenants_port, "GET", path, team.keys[TENANT]).json()["id"] == MODEL
    unknown = ask(tenants_port, "GET", "/v1/models/nothing", team.keys[TENANT])
    assert code(unknown) == (404, "model_not_found")


def test_another_method_is_refused_with_the_one_that_is_meant(team: TeamPlatform, tenants_port: int) -> None:
    refused = ask(tenants_port, "GET", "/v1/chat/completions", team.keys[TENANT])

    assert code(refused) == (405, "method_not_allowed")
    assert refused.headers["Allow"] == "POST"


def test_a_request_that_is_too_large_is_refused_and_one_that_fits_is_passed_on(
    team: TeamPlatform, tenants_port: int
) -> None:
    too_large = ask(tenants_port, "POST", "/v1/chat/completions", team.keys[TENANT], body=b"a" * (9 << 20))
    fitting = ask(tenants_port, "POST", "/v1/chat/completions", team.keys[TENANT], body=b"a" * (1 << 20))

    assert code(too_large) == (413, "request_too_large")
    assert code(fitting) == (400, "invalid_json")


def test_an_answer_names_no_engine_s_address(team: TeamPlatform, tenants_port: int) -> None:
    body = {"model": MODEL, "input": "hello", "max_output_tokens": 4}
    answer = ask(tenants_port, "POST", "/v1/responses", team.keys[TENANT], json=body)

    assert answer.status == 200
    assert "svc.cluster.local" not in str(dict(answer.headers)) + answer.data.decode()


def test_the_administration_port_serves_administration_and_nothing_else(team: TeamPlatform) -> None:
    with team.admin() as port:
        assert ask(port, "GET", "/health/readiness", team.master_key).json()["db"] == "connected"
        assert ask(port, "GET", "/v2/team/list?page=1&page_size=1", team.master_key).status == 200
        assert ask(port, "GET", "/v2/team/list", team.keys[TENANT]).status in {401, 403}
        assert ask(port, "GET", "/v1/models", team.master_key).status == 404


def client_pod(name: str, labels: dict[str, str]) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": LITELLM_IMAGE.reference(),
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "600"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 34567, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": security,
            "containers": [container],
        },
    }


def reaches(kubectl: cluster.Kubectl, namespace: str, address: str, port: int) -> bool:
    script = (
        "import socket, sys\n"
        f"try: socket.create_connection(('{address}', {port}), 3).close()\n"
        "except OSError: print('no')\n"
        "else: print('yes')"
    )
    return kubectl.run("exec", "--namespace", namespace, "client", "--", "python3", "-c", script).strip() == "yes"


def address_of(kubectl: cluster.Kubectl, replica: str) -> str:
    return kubectl.run("get", "pod", replica, "--namespace", GATEWAY, "--output=jsonpath={.status.podIP}").strip()


@pytest.mark.parametrize(
    ("elsewhere", "name", "reached"),
    [(False, "tenants", {4000, 4001}), (False, "other", {4000}), (True, "tenants", {4000})],
    ids=["the reconciler", "another pod of the platform", "a pod elsewhere that bears the reconciler's name"],
)
def test_only_the_reconciler_reaches_the_administration_port_and_nobody_litellm_itself(
    team: TeamPlatform, namespace: str, elsewhere: bool, name: str, reached: set[int]
) -> None:
    kubectl = cluster.kubectl()
    home = namespace if elsewhere else GATEWAY
    replica = pods(kubectl, GATEWAY, SELECTOR)[0]
    assert team.keys
    address = address_of(kubectl, replica)
    wait = ("wait", "pod/client", "--namespace", home, "--for=condition=Ready", f"--timeout={READY_SECONDS}s")
    try:
        # The reconciler's ReplicaSet does not adopt it: it wants its own template's hash as well.
        pod = json.dumps(client_pod("client", {"app.kubernetes.io/name": name}))
        kubectl.run("apply", "--namespace", home, "--filename=-", given=pod)
        kubectl.run(*wait, timeout=READY_SECONDS + 30)
        # A new pod reaches more than it may, for a moment before its rules are there.
        time.sleep(2)
        found = {port for port in (4000, 4001, 4002, LITELLM_PORT) if reaches(kubectl, home, address, port)}
    finally:
        kubectl.run("delete", "pod", "client", "--namespace", home, "--ignore-not-found", "--wait=true")
    assert found == reached


@pytest.mark.full
def test_pods_of_a_namespace_reach_the_administration_port_while_the_stack_file_lets_them_and_others_never(
    team: TeamPlatform, kubectl: cluster.Kubectl, namespace: str
) -> None:
    replica = address_of(kubectl, pods(kubectl, GATEWAY, SELECTOR)[0])
    gateway = {**team.stack.value("gateway"), "admin": {"allowed_from": [namespace]}}
    with (
        probing(kubectl, namespace, "operators-probe") as operator,
        probing(kubectl, "default", "strangers-probe") as other,
    ):
        assert operator.reaches(replica, PART.port)
        assert other.reaches(replica, PART.port)
        assert not operator.reaches(replica, PART.admin_port)
        assert not other.reaches(replica, PART.admin_port)
        try:
            with team.stack.edited(gateway=gateway):
                team.stack.deploy()
                wait_until(
                    lambda: operator.reaches(replica, PART.admin_port), "who is let in gets through", RULE_SECONDS
                )
                assert not other.reaches(replica, PART.admin_port)
        finally:
            team.stack.deploy()
        wait_until(lambda: not operator.reaches(replica, PART.admin_port), "it is closed again", RULE_SECONDS)


def test_the_api_server_takes_the_route_and_a_gateway_by_the_api_s_own_definitions(
    kubectl: cluster.Kubectl, namespace: str
) -> None:
    existing = RoutePart("llm.example.com", ListenerPart("ingress", "shared", "https"), google_policies=False)
    created = RoutePart(
        "llm.example.com", NewListenerPart("envoy", SecretCertificatePart("tls")), google_policies=False
    )
    definitions = [str(path) for path in gateway_api_definitions()]
    files = [argument for path in definitions for argument in ("--filename", path)]
    try:
        kubectl.run("apply", "--server-side", *files)
        kubectl.run("wait", "--for=condition=Established", *files, "--timeout=60s", timeout=90)
        for route in (existing, created):
            manifests = exposure_objects(dataclasses.replace(PART, namespace=namespace, route=route)).values()
            for manifest in manifests:
                text = json.dumps(manifest)
                kubectl.run("apply", "--server-side", "--validate=strict", "--filename=-", given=text)
        listed = kubectl.run("get", "httproutes,gateways", "--namespace", namespace, "--output=name").split()
    finally:
        kubectl.run("delete", *files, "--ignore-not-found", "--wait=true", timeout=120)
    assert listed == [
        "httproute.gateway.networking.k8s.io/gateway",
        "gateway.gateway.networking.k8s.io/gateway",
    ]
