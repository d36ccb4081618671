"""What the edge in front of LiteLLM opens, passes on and answers itself."""

import dataclasses
import json
import re

import pytest

from components.gateway.edge import PASSED_REQUEST_HEADERS, edge_configuration
from infra.blueprint.routes import ADMIN_ROUTES, HEALTH_PATH, KEY_PATHS, Route, tenant_routes
from tests.unit.components.parts import GATEWAY

SCRAPED = dataclasses.replace(GATEWAY, metrics_port=4002)
MODELS = ("llama-8b", "tiny")
EXACT = re.compile(r"location = (\S+) \{\n(.*?)\n    \}", re.DOTALL)
BODY = re.compile(r"return (\d+) '(\{.*\})';")


def servers() -> dict[int, str]:
    """Port → the text of its server."""
    _, *found = edge_configuration(SCRAPED).split("  server {\n")
    return {int(text.partition("listen ")[2].partition(";")[0]): text for text in found}


def opened(port: int) -> dict[str, str]:
    """Path → what is done with it."""
    return dict(EXACT.findall(servers()[port]))


def routes(port: int) -> set[Route]:
    """The exact paths that are passed on, each with the one method that is let through."""
    methods = {path: re.findall(r"\$request_method != (\w+)", text) for path, text in opened(port).items()}
    return {Route(path, method) for path, found in methods.items() if path != HEALTH_PATH for method in found}


def test_the_tenants_port_opens_exactly_the_tenants_paths() -> None:
    assert routes(4000) == set(tenant_routes(MODELS))


def test_the_administration_port_opens_exactly_the_administration_s_paths() -> None:
    assert routes(4001) == set(ADMIN_ROUTES)


def test_the_metrics_port_opens_the_metrics_alone() -> None:
    assert routes(4002) == {Route("/metrics", "GET")}


def test_no_path_is_matched_by_its_beginning_or_by_a_pattern() -> None:
    heads = re.findall(r"location (.*) \{", edge_configuration(SCRAPED))

    assert {head for head in heads if not head.startswith(("= /", "@"))} == {"/"}


@pytest.mark.parametrize("port", [4000, 4001, 4002])
def test_everything_else_is_not_found(port: int) -> None:
    assert "location / {\n      return 404;" in servers()[port]


def test_no_tenants_path_administers() -> None:
    administration = {route.path for route in ADMIN_ROUTES}

    assert not administration & {route.path for route in tenant_routes(MODELS)}
    assert not any(path.startswith(("/key", "/team", "/user", "/config", "/spend")) for path in opened(4000))


def test_a_key_opens_no_path_that_the_edge_does_not() -> None:
    assert set(KEY_PATHS) <= {route.path for route in tenant_routes(MODELS)}


def test_a_path_is_passed_on_as_it_is_listed_and_without_the_caller_s_parameters() -> None:
    for path, text in opened(4000).items():
        if path != HEALTH_PATH:
            assert f"proxy_pass http://127.0.0.1:4100{path};" in text
            assert "set $args '';" in text


def test_request_headers_pass_only_by_name() -> None:
    text = servers()[4000]
    passed = set(re.findall(r"proxy_set_header (\S+) ", text))

    assert "proxy_pass_request_headers off;" in edge_configuration(GATEWAY)
    assert passed == {*PASSED_REQUEST_HEADERS, "Connection"}
    assert not any(header.lower().startswith(("x-litellm", "x-gateway", "x-forwarded")) for header in passed)


def test_every_answer_of_the_edge_is_in_the_shape_of_openai_s_errors() -> None:
    answers = [(int(code), json.loads(body)) for code, body in BODY.findall(servers()[4000]) if code != "200"]

    assert {code for code, _ in answers} >= {400, 404, 405, 413, 502, 503, 504}
    for code, body in answers:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert body["error"]["type"] == ("server_error" if code >= 500 else "invalid_request_error")
        assert "127.0.0.1" not in body["error"]["message"]


def test_a_body_of_an_answer_holds_nothing_that_nginx_would_replace() -> None:
    assert not [body for _, body in BODY.findall(edge_configuration(SCRAPED)) if "$" in body or "\\" in body]


def test_answers_are_streamed_and_connections_used_once() -> None:
    text = edge_configuration(GATEWAY)

    assert "proxy_buffering off;" in text
    assert "keepalive_timeout 0;" in text


def test_the_largest_request_is_the_configured_one() -> None:
    assert "client_max_body_size 32m;" in edge_configuration(dataclasses.replace(GATEWAY, request_megabytes=32))


def test_nothing_of_a_request_but_its_path_is_logged() -> None:
    (log,) = re.findall(r"log_format .*", edge_configuration(GATEWAY))

    assert not re.search(r"\$(http_|args|request_uri|request_body|remote_|query|request\b)", log)
