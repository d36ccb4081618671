"""An engine's way in by mutual TLS: whom it lets in, to what, and what it is made of."""

import dataclasses
import re
from typing import Any

import pytest

from components.certificates import Authority
from components.engine import Engine, EngineArgs
from components.engine.door import door_configuration
from infra.blueprint.model import EnginePart
from infra.blueprint.routes import COMPLETION_PATHS
from tests.unit.components.parts import DOOR, ENGINE, GPU_ENGINE
from tests.unit.components.recording import Recording, Secret, record, strings

SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
WITH_DOOR = dataclasses.replace(ENGINE, door=DOOR)


def engine(part: EnginePart = WITH_DOOR, certificate: str = "made-certificate") -> Recording:
    def program() -> Any:
        Engine("engine-tiny", EngineArgs(part, authority=Authority("engine-traffic")))

    return record(program, {SIGNED: {"certPem": certificate}})


def template(recording: Recording) -> dict[str, Any]:
    return recording.one("Deployment").inputs["spec"]["template"]


def test_it_lets_in_whoever_has_the_gateway_s_certificate_and_nobody_else() -> None:
    text = door_configuration(8443, 8000)

    assert re.findall(r"listen (.*);", text) == ["8443 ssl"]
    assert "ssl_verify_client on;" in text
    assert 'if ($ssl_client_s_dn != "CN=gateway") { return 403; }' in text
    assert "ssl_protocols TLSv1.3;" in text


def test_it_opens_what_the_gateway_calls_and_nothing_else_of_vllm() -> None:
    text = door_configuration(8443, 8000)

    assert set(re.findall(r"location = (\S+) ", text)) == set(COMPLETION_PATHS)
    assert set(re.findall(r"location (/\S*) ", text)) == {"/"}
    assert "location / {\n      return 404;" in text
    assert set(re.findall(r"proxy_pass (\S+);", text)) == {f"http://127.0.0.1:8000{path}" for path in COMPLETION_PATHS}


def test_an_engine_that_is_away_is_told_as_what_passes() -> None:
    assert "error_page 502 504 =503 @away;" in door_configuration(8443, 8000)


def test_it_is_there_before_the_engine_and_ends_after_it() -> None:
    spec = template(engine())["spec"]
    (door,) = spec["initContainers"]

    assert (door["name"], door["restartPolicy"]) == ("door", "Always")
    assert door["image"] == DOOR.image
    assert [container["name"] for container in spec["containers"]] == ["engine"]


def test_weights_are_staged_before_it_opens() -> None:
    spec = template(engine(dataclasses.replace(GPU_ENGINE, door=DOOR)))["spec"]

    assert [container["name"] for container in spec["initContainers"]] == ["stage-weights", "door"]


def test_the_service_leads_to_it_beside_the_plain_port() -> None:
    ports = engine().one("Service").inputs["spec"]["ports"]

    assert [(port["name"], port["port"]) for port in ports] == [("http", 8000), ("tls", 8443)]


def test_its_certificate_names_the_service_and_proves_a_server_alone() -> None:
    recording = engine()

    assert recording.one("CertRequest").inputs["dnsNames"] == ["engine-tiny.engines.svc.cluster.local"]
    assert recording.one("LocallySignedCert").inputs["allowedUses"] == ["digital_signature", "server_auth"]


def test_keys_stand_in_secrets_alone() -> None:
    recording = engine()
    shown = " ".join(text for resource in recording.resources for text in strings(resource.inputs))

    assert "generated-" not in shown
    assert recording.named("engine-tiny.door-secret").inputs["stringData"] == Secret(
        {
            "ca.crt": "made-engine-traffic-certificate",
            "tls.crt": "made-certificate",
            "tls.key": "generated-engine-tiny.door-key",
        }
    )


def test_a_key_is_made_once_whatever_a_later_version_asks_for() -> None:
    for key in engine().of("PrivateKey"):
        assert set(key.inputs) <= set(key.ignore_changes)


def test_a_renewed_certificate_restarts_the_engine_and_an_old_one_does_not() -> None:
    def annotations(certificate: str) -> Any:
        return template(engine(certificate=certificate))["metadata"]["annotations"]

    assert annotations("one") == annotations("one")
    assert annotations("one") != annotations("another")


def test_a_model_whose_name_ends_in_door_has_objects_of_its_own() -> None:
    def program() -> Any:
        authority = Authority("engine-traffic")
        for name in ("tiny", "tiny-door"):
            part = dataclasses.replace(WITH_DOOR, name=name)
            Engine(f"engine-{name}", EngineArgs(part, authority=authority))

    resources = record(program).resources
    objects = [
        (resource.kind, resource.inputs["metadata"]["name"]) for resource in resources if "metadata" in resource.inputs
    ]

    assert len({resource.urn for resource in resources}) == len(resources)
    assert len(set(objects)) == len(objects)


def test_a_door_that_nothing_signs_for_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing signs its certificate"):
        record(lambda: Engine("engine-tiny", EngineArgs(WITH_DOOR)))


def test_an_old_proxy_is_refused() -> None:
    old = dataclasses.replace(WITH_DOOR, door=dataclasses.replace(DOOR, image="registry.example.com/nginx:1.29.0"))

    with pytest.raises(ValueError, match="its door"):
        engine(old)
