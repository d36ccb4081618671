"""The gateway's way to the engines by mutual TLS."""

import dataclasses
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.certificates import Authority
from components.database import DatabaseConnection
from components.gateway import Gateway, GatewayArgs
from components.gateway.configuration import configuration
from components.gateway.engine_link import RESOLVER_PATH, START, link_configuration
from components.gateway.isolation import cache_domains
from components.gateway.pod import readiness_script
from infra.blueprint.model import GatewayPart
from infra.blueprint.names import ENGINE_TRAFFIC_LABEL, MUTUAL_TLS
from infra.blueprint.routes import COMPLETION_PATHS
from infra.config.gateway import EngineTraffic
from tests.unit.components.parts import GATEWAY
from tests.unit.components.recording import Recording, Secret, record, strings

SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
DOORS = tuple(
    dataclasses.replace(model, door=(f"engine-{model.engine}.engines.svc.cluster.local", 8443))
    for model in GATEWAY.models
)
PLAIN = dataclasses.replace(GATEWAY, models=DOORS)
ENCRYPTED = dataclasses.replace(PLAIN, engine_traffic=EngineTraffic.MUTUAL_TLS)


def gateway(part: GatewayPart, certificate: str = "made-certificate") -> Recording:
    def program() -> Any:
        keys = {model.engine: "sentinel" for model in part.models}
        database = DatabaseConnection(pulumi.Output.secret("postgresql://h/d"), ())
        Gateway("gateway", GatewayArgs(part, database, keys, authority=Authority("engine-traffic")))

    return record(program, {SIGNED: {"certPem": certificate}})


def template(part: GatewayPart, certificate: str = "made-certificate") -> dict[str, Any]:
    return gateway(part, certificate).one("Deployment").inputs["spec"]["template"]


def answering(status: int, body: bytes = b"") -> HTTPServer:
    """A server that answers every GET so, for as long as the test runs."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def addresses(part: GatewayPart) -> list[str]:
    return [model["litellm_params"]["api_base"] for model in yaml.safe_load(configuration(part))["model_list"]]


def test_in_clear_text_engines_are_called_by_their_own_addresses_and_nothing_is_beside_litellm() -> None:
    assert addresses(PLAIN) == [model.base_url for model in PLAIN.models]
    assert [container["name"] for container in template(PLAIN)["spec"]["initContainers"]] == ["litellm"]
    assert ENGINE_TRAFFIC_LABEL not in template(PLAIN)["metadata"]["labels"]


def test_encrypted_they_are_called_inside_the_pod_at_a_path_for_each() -> None:
    assert addresses(ENCRYPTED) == [
        "http://127.0.0.1:4200/engines/llama-8b/v1",
        "http://127.0.0.1:4200/engines/tiny/v1",
    ]


@pytest.mark.parametrize("part", [PLAIN, ENCRYPTED], ids=["plain", "encrypted"])
def test_the_hook_lets_requests_leave_for_exactly_the_addresses_that_litellm_calls(part: GatewayPart) -> None:
    assert sorted(json.loads(cache_domains(part))["engines"]) == sorted(addresses(part))


def test_each_path_leads_to_one_engine_whose_name_is_proven() -> None:
    text = link_configuration(ENCRYPTED)
    ways = re.findall(r"location = (\S+) {\n\s+set \$engine (\S+);\n\s+proxy_ssl_name \$engine;\n\s+(.*)\n", text)

    assert ways == [
        (f"/engines/{model.engine}{path}", model.door[0], f"proxy_pass https://$engine:8443{path};")
        for model in DOORS
        for path in COMPLETION_PATHS
        if model.door
    ]
    assert "proxy_ssl_verify on;" in text
    assert "proxy_ssl_trusted_certificate" in text
    assert re.findall(r"listen (.*);", text) == ["127.0.0.1:4200"]
    assert "http://" not in text.replace("http {", "")


def test_the_link_is_there_before_litellm_and_ends_after_it() -> None:
    link, litellm = template(ENCRYPTED)["spec"]["initContainers"]

    assert (link["name"], link["restartPolicy"], litellm["name"]) == ("engine-link", "Always", "litellm")


def probe_commands(part: GatewayPart, probe: str) -> str:
    (litellm,) = (each for each in template(part)["spec"]["initContainers"] if each["name"] == "litellm")
    return " ".join(litellm[probe]["exec"]["command"])


@pytest.mark.parametrize("serves_without_database", [False, True])
def test_a_replica_without_its_link_gets_no_requests(serves_without_database: bool) -> None:
    part = dataclasses.replace(ENCRYPTED, serves_without_database=serves_without_database)
    plain = dataclasses.replace(PLAIN, serves_without_database=serves_without_database)

    assert "4200" in probe_commands(part, "readinessProbe")
    assert "4200" not in probe_commands(plain, "readinessProbe")


def test_litellm_is_not_restarted_for_its_link() -> None:
    for probe in ("startupProbe", "livenessProbe"):
        assert "4200" not in probe_commands(ENCRYPTED, probe)


def test_the_link_answers_for_itself_with_no_engine_behind_it() -> None:
    health = re.search(r"location = /health {(.*?)}", link_configuration(ENCRYPTED), re.DOTALL)

    assert health
    assert health[1].split() == ["return", "204;"]


@pytest.mark.parametrize(
    ("link", "database", "ready"),
    [
        (204, "connected", True),
        (503, "connected", False),
        (None, "connected", False),
        (204, "Not connected", False),
        (503, "Not connected", False),
    ],
)
def test_readiness_is_what_link_and_litellm_say_together(link: int | None, database: str, ready: bool) -> None:
    """The probe's own script, against servers that answer so; None: nobody listens."""
    litellm = answering(200, json.dumps({"status": "healthy", "db": database}).encode())
    beside = answering(link) if link else None
    port = beside.server_port if beside else 9
    script = readiness_script(ENCRYPTED).replace("4200", str(port))
    script = script.format(port=litellm.server_port, path="/health/readiness")
    found = subprocess.run([sys.executable, "-I", "-S", "-c", script], check=False, capture_output=True)

    assert (found.returncode == 0) is ready


def test_it_may_do_no_more_than_the_edge() -> None:
    spec = template(ENCRYPTED)["spec"]

    assert spec["initContainers"][0]["securityContext"] == spec["containers"][0]["securityContext"]


def test_names_are_looked_up_where_the_pod_looks_them_up(tmp_path: Path) -> None:
    given, written = tmp_path / "resolv.conf", tmp_path / "resolver.conf"
    given.write_text("search svc.cluster.local\nnameserver 10.96.0.10\nnameserver fd00::a\noptions ndots:5\n")
    script, _, served = START.partition(" && ")
    script = script.replace("/etc/resolv.conf", str(given)).replace(RESOLVER_PATH, str(written))
    subprocess.run(["sh", "-c", script], check=True)

    assert written.read_text() == "resolver 10.96.0.10 [fd00::a] valid=10s;\n"
    assert served.startswith("exec nginx ")


def test_replicas_that_encrypt_are_known_by_a_label_and_selected_as_before() -> None:
    deployment = gateway(ENCRYPTED).one("Deployment").inputs["spec"]

    assert deployment["template"]["metadata"]["labels"][ENGINE_TRAFFIC_LABEL] == MUTUAL_TLS
    assert deployment["selector"] == gateway(PLAIN).one("Deployment").inputs["spec"]["selector"]


def test_its_certificate_proves_a_client_and_names_the_gateway() -> None:
    recording = gateway(ENCRYPTED)

    assert recording.one("LocallySignedCert").inputs["allowedUses"] == ["digital_signature", "client_auth"]
    assert recording.one("CertRequest").inputs["subject"] == {"commonName": "gateway"}


def test_its_key_is_there_before_it_is_needed_and_stands_in_a_secret_alone() -> None:
    before, after = gateway(PLAIN), gateway(ENCRYPTED)
    shown = " ".join(text for resource in after.resources for text in strings(resource.inputs))

    assert {key.urn for key in before.of("PrivateKey")} == {key.urn for key in after.of("PrivateKey")}
    assert "generated-gateway-client-key" not in shown
    data = after.named("gateway-client-secret").inputs["stringData"]
    assert isinstance(data, Secret)
    assert data.value["tls.key"] == "generated-gateway-client-key"


def test_a_renewed_certificate_rolls_the_replicas_that_use_it() -> None:
    def annotations(part: GatewayPart, certificate: str) -> Any:
        return template(part, certificate)["metadata"]["annotations"]

    assert annotations(ENCRYPTED, "one") != annotations(ENCRYPTED, "another")
    assert annotations(PLAIN, "one") == annotations(PLAIN, "another")


def test_engines_behind_a_picker_are_called_through_its_data_plane_and_the_link_does_not_know_them() -> None:
    picked = dataclasses.replace(DOORS[0], door=None)
    part = dataclasses.replace(ENCRYPTED, models=(picked, DOORS[1]))

    assert addresses(part) == [picked.base_url, "http://127.0.0.1:4200/engines/tiny/v1"]
    assert "llama-8b" not in link_configuration(part)


def test_encryption_without_an_authority_is_refused() -> None:
    database = DatabaseConnection(pulumi.Output.from_input("postgresql://h/d"), ())
    keys = {model.engine: "sentinel" for model in ENCRYPTED.models}
    with pytest.raises(ValueError, match="nothing signs its certificate"):
        record(lambda: Gateway("gateway", GatewayArgs(ENCRYPTED, database, keys)))
