"""What the edge in front of LiteLLM opens, passes on and answers itself."""

import dataclasses
import json
import re
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.gateway.edge import PASSED_REQUEST_HEADERS, REQUESTS, REQUESTS_OF_A_CALLER, edge_configuration
from components.gateway.pod import MapNames, pod_spec
from infra.blueprint.model import GatewayModelPart, ListenerPart, RoutePart
from infra.blueprint.routes import ADMIN_ROUTES, HEALTH_PATH, KEY_PATHS, TENANT_ROUTES, Route
from infra.config.forms import NAME, NAME_MAX_LENGTH
from tests.unit.components.parts import GATEWAY

SCRAPED = dataclasses.replace(GATEWAY, metrics_port=4002)
EXACT = re.compile(r"location = (\S+) \{\n(.*?)\n    \}", re.DOTALL)
PATTERN = re.compile(r'location ~ "(.*)" \{\n(.*?)\n    \}', re.DOTALL)
BODY = re.compile(r"return (\d+) '(\{.*\})';")


def servers() -> dict[int, str]:
    """Port → the text of its server."""
    _, *found = edge_configuration(SCRAPED).split("  server {\n")
    return {int(text.partition("listen ")[2].partition(";")[0]): text for text in found}


def opened(port: int) -> dict[str, str]:
    """Path → what is done with it."""
    return dict(EXACT.findall(servers()[port]))


def opened_by_pattern(port: int) -> dict[str, str]:
    """Pattern → what is done with what it takes."""
    return dict(PATTERN.findall(servers()[port]))


def taken(path: str) -> re.Match[str] | None:
    """What the tenants' port takes of a path by its one pattern, once nginx has decoded it and put it in order."""
    (pattern,) = opened_by_pattern(4000)
    # Python 3.11 calls by another letter what nginx' PCRE calls `\z`: the very end.
    return re.search(pattern.replace(r"\z", r"\Z").replace("(?<", "(?P<"), path)


def routes(port: int) -> set[Route]:
    """The exact paths that are passed on, each with the one method that is let through."""
    methods = {path: re.findall(r"\$request_method != (\w+)", text) for path, text in opened(port).items()}
    return {Route(path, method) for path, found in methods.items() if path != HEALTH_PATH for method in found}


def test_the_tenants_port_opens_exactly_the_tenants_paths() -> None:
    assert routes(4000) == set(TENANT_ROUTES)


def test_the_administration_port_opens_exactly_the_administration_s_paths() -> None:
    assert routes(4001) == set(ADMIN_ROUTES)


def test_the_metrics_port_opens_the_metrics_alone() -> None:
    assert routes(4002) == {Route("/metrics", "GET")}


def test_no_path_is_matched_by_its_beginning_and_none_by_a_pattern_but_a_model_s() -> None:
    heads = re.findall(r"location (.*) \{", edge_configuration(SCRAPED))

    others = [head for head in heads if not head.startswith(("= /", "@")) and head != "/"]
    assert others == [f'~ "{pattern}"' for pattern in opened_by_pattern(4000)]
    assert len(others) == 1


@given(st.from_regex(NAME.pattern.replace("$", r"\Z")).filter(lambda name: len(name) <= NAME_MAX_LENGTH))
def test_whatever_a_model_may_be_called_it_is_asked_for_by_its_name(name: str) -> None:
    found = taken(f"/v1/models/{name}")

    assert found is not None
    assert found["model"] == name


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/",
        "/v1/models/tiny/",
        "/v1/models/tiny/x",
        "/v1/models/tiny\n",
        "/v1/models/tiny\nx",
        "/v1/models/tiny\0",
        "/v1/models/.",
        "/v1/models/..",
        "/v1/models/../key",
        "/v1/models/ti.ny",
        "/v1/models/tiny?team_id=x",
        "/v1/models/tiny#x",
        "/v1/models/tiny%2fx",
        "/v1/models/tiny;x",
        "/v1/models/tiny x",
        "/v1/models/x:generateContent",
        "/v1/models/Tiny",
        "/v1/models/8b",
        "/v1/models/-x",
        "/v1/models/é",
        f"/v1/models/{'a' * (NAME_MAX_LENGTH + 1)}",
        "/x/v1/models/tiny",
        "/v1/modelsx/tiny",
        "/v1/model/tiny",
    ],
)
def test_what_no_model_can_be_called_is_not_found(path: str) -> None:
    assert taken(path) is None


@given(st.text(max_size=60))
def test_nothing_passes_for_a_model_s_name_but_letters_digits_and_hyphens(text: str) -> None:
    found = taken(f"/v1/models/{text}")

    assert found is None or re.fullmatch("[a-z0-9-]+", text)


def test_a_model_is_asked_for_with_get_and_a_key_and_nothing_of_the_address_goes_on_but_its_name() -> None:
    (text,) = opened_by_pattern(4000).values()
    refused, proxied = text.index("return 405"), text.index("proxy_pass")

    assert "if ($request_method != GET) { return 405; }" in text
    assert refused < text.index("return 401") < text.index("set $args '';") < proxied
    assert re.findall("proxy_pass (.*);", text) == ["http://127.0.0.1:4100/v1/models/$model"]


def test_which_models_are_served_shows_in_nothing_of_the_edge() -> None:
    """Told apart, an unknown and an unopened one would let anybody find out which models others have."""
    more = GatewayModelPart("of-another-tenant", "http://engine:8000/v1", None, None, "engine")

    assert edge_configuration(dataclasses.replace(GATEWAY, models=(*GATEWAY.models, more))) == edge_configuration(
        GATEWAY
    )


@pytest.mark.parametrize("port", [4000, 4001, 4002])
def test_everything_else_is_not_found(port: int) -> None:
    assert "location / {\n      return 404;" in servers()[port]


def test_no_tenants_path_administers() -> None:
    administration = {route.path for route in ADMIN_ROUTES}

    assert not administration & {route.path for route in TENANT_ROUTES}
    assert not any(map(taken, administration))
    assert not any(path.startswith(("/key", "/team", "/user", "/config", "/spend")) for path in opened(4000))


def test_a_key_opens_no_path_that_the_edge_does_not() -> None:
    assert set(KEY_PATHS) <= {route.path for route in TENANT_ROUTES}


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
    assert not any(header.lower().startswith(("x-litellm", "x-gateway", "x-llm-d", "x-forwarded")) for header in passed)


def test_every_answer_of_the_edge_is_in_the_shape_of_openai_s_errors() -> None:
    text = servers()[4000]
    anthropic = opened(4000)["/v1/messages"]
    answers = [
        (int(code), json.loads(body)) for code, body in BODY.findall(text.replace(anthropic, "")) if code != "200"
    ]

    assert {code for code, _ in answers} >= {400, 404, 405, 413, 502, 503, 504}
    for code, body in answers:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert body["error"]["type"] == ("server_error" if code >= 500 else "invalid_request_error")
        assert "127.0.0.1" not in body["error"]["message"]


def test_a_request_without_a_key_is_refused_before_its_body_is_taken_in_the_shape_of_its_path() -> None:
    for path, text in {**opened(4000), **opened_by_pattern(4000)}.items():
        assert path == HEALTH_PATH or 'set $key "$http_authorization$http_x_api_key";' in text
        refusals = re.findall(r"if \(\$key = ''\) { return (\d+) '(.*)'; }", text)
        assert len(refusals) == (0 if path == HEALTH_PATH else 1)
        for status, body in refusals:
            assert status == "401"
            kind = "authentication_error" if path == "/v1/messages" else "invalid_request_error"
            assert json.loads(body)["error"]["type"] == kind


def test_every_condition_is_of_one_variable() -> None:
    conditions = re.findall(r"if \((.*?)\)", edge_configuration(SCRAPED))

    assert conditions
    assert not [condition for condition in conditions if not re.fullmatch(r"\$\w+ !?= \S+", condition)]


def test_what_arrives_of_all_requests_at_once_fits_the_volume_that_it_is_kept_on() -> None:
    assert f"limit_conn requests {REQUESTS};" in servers()[4000]
    spec = pod_spec(GATEWAY, "secret", MapNames("configuration", "edge", "hooks"), has_certificate_authority=False)
    (volume,) = [volume for volume in cast("Any", spec)["volumes"] if volume["name"] == "edge-temporary"]

    assert volume["empty_dir"]["size_limit"] == f"{REQUESTS * GATEWAY.request_megabytes}Mi"


def test_one_caller_inside_the_cluster_keeps_no_others_out() -> None:
    exposed = dataclasses.replace(
        GATEWAY, route=RoutePart("llm.example.com", ListenerPart("ingress", "shared", "https"), google_policies=False)
    )

    assert f"limit_conn callers {REQUESTS_OF_A_CALLER};" in edge_configuration(GATEWAY)
    assert "limit_conn callers " not in edge_configuration(exposed)


def test_a_body_of_an_answer_holds_nothing_that_nginx_would_replace() -> None:
    assert not [body for _, body in BODY.findall(edge_configuration(SCRAPED)) if "$" in body or "\\" in body]


def test_answers_are_streamed_and_connections_used_once() -> None:
    text = edge_configuration(GATEWAY)

    assert "proxy_buffering off;" in text
    assert "keepalive_timeout 0;" in text


def test_the_largest_request_is_the_configured_one() -> None:
    assert "client_max_body_size 32m;" in edge_configuration(dataclasses.replace(GATEWAY, request_megabytes=32))


def test_nothing_of_a_request_but_its_path_is_logged() -> None:
    text = edge_configuration(GATEWAY)
    (log,) = re.findall(r"log_format .*", text)

    assert re.findall(r"error_log .*", text) == ["error_log stderr crit;"]
    assert not re.search(r"\$(http_|args|request_uri|request_body|remote_|query|request\b)", log)
