import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.gateway.edge import edge_configuration
from components.gateway.hooks import errors
from components.gateway.hooks.errors import Report, Situation, explain, read
from components.shared.proxies import AWAY
from tests.unit.components.parts import GATEWAY

CHAT = "/v1/chat/completions"
ENGINE_ADDRESS = "http://engine-tiny.bulkhead-engines.svc.cluster.local:8000/v1"
DIGEST = "e1edf9579f483f64dc6c37783587d9a79cc94011f0202b9fc09b2b752d0f0918"


def engine_document(message: str, status: int = 400, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "BadRequestError", "param": param, "code": status}}


def engine_text(message: str, param: str | None = None) -> str:
    return (
        f"litellm.BadRequestError: Hosted_vllmException - {json.dumps(engine_document(message, param=param))}\n\n"
        "LiteLLM: model group 'tiny' failed with the error above. No fallback was attempted."
    )


@pytest.mark.parametrize(
    ("status", "kind", "text", "situation"),
    [
        (401, "token_not_found_in_db", f"Received API Key = sk-...0000, Key Hash (Token) ={DIGEST}.", "INVALID_KEY"),
        (
            401,
            "auth_error",
            "LiteLLM Virtual Key expected. Received=****, expected to start with 'sk-'.",
            "INVALID_KEY",
        ),
        (401, "auth_error", "Authentication Error, Key is blocked. Update via `/key/unblock` if admin.", "INVALID_KEY"),
        (401, "auth_error", "Authentication Error, No api key passed in.", "NO_KEY"),
        (401, "auth_error", "Authentication Error, Timeout connecting to server", "GATEWAY_UNAVAILABLE"),
        (401, "authentication_error", 'Hosted_vllmException - {"error":"Unauthorized"}', "MODEL_UNAVAILABLE"),
        (403, "key_model_access_denied", "The requested model 'nope' is not available", "MODEL_NOT_FOUND"),
        (403, "team_model_access_denied", "team not allowed to access model", "MODEL_NOT_FOUND"),
        (400, "x", "/chat/completions: Invalid model name passed in model=nope.", "MODEL_NOT_FOUND"),
        (403, "", "Virtual key is not allowed to call this route.", "PATH_NOT_OPEN"),
        (403, "", "Forbidden", "NOT_PERMITTED"),
        (422, "budget_exceeded", "Budget has been exceeded! Team=bulkhead-research Current cost: 1", "BUDGET_SPENT"),
        (429, "all_deployments_in_cooldown", "No deployments available for selected model", "MODEL_UNAVAILABLE"),
        (500, "x", "litellm.InternalServerError: Hosted_vllmException - Connection error.", "MODEL_UNAVAILABLE"),
        (500, "x", "litellm.InternalServerError: Hosted_vllmException - boom", "MODEL_FAILED"),
        (503, "no_db_connection", "DB not connected", "GATEWAY_UNAVAILABLE"),
        (503, "", "Rate limit enforcement unavailable", "GATEWAY_UNAVAILABLE"),
        (500, "internal_server_error", "Internal server error", "INTERNAL"),
        (408, "timeout_error", "litellm.Timeout: Hosted_vllmException", "TIMED_OUT"),
        (413, "", "Request size is too large", "TOO_LARGE"),
        (405, "", "Method Not Allowed", "UNKNOWN_METHOD"),
        (404, "", "Not Found", "UNKNOWN_PATH"),
        (404, "x", 'litellm.NotFoundError: Hosted_vllmException - {"detail":"Not Found"}', "MODEL_UNSUITED"),
        (400, "x", "Invalid JSON payload: unexpected end of data", "INVALID_JSON"),
        (400, "x", "Invalid request format: 'str' object has no attribute 'get'", "INVALID_REQUEST"),
        (400, "x", engine_text('"auto" tool choice requires --enable-auto-tool-choice'), "TOOLS_NOT_ENABLED"),
    ],
)
def test_what_litellm_says_is_told_in_words_of_our_own(status: int, kind: str, text: str, situation: str) -> None:
    assert explain(Report(status, kind, text), CHAT) == Situation[situation].value


def test_a_limit_is_named_with_its_number_and_without_whose_it_is() -> None:
    text = (
        "Rate limit exceeded for team: bulkhead-research. Limit type: requests. Current limit: 60, Remaining: 0. "
        "Limit resets at: 2026-11-24 08:00:00 UTC"
    )
    problem = explain(Report(429, "rate_limit_error", text), CHAT, retry_after=42)
    assert (problem.status, problem.type, problem.code) == (429, "requests", "rate_limit_exceeded")
    assert problem.message == "The limit of 60 requests per minute is reached."
    assert errors.headers(problem)["retry-after"] == "42"


def test_a_token_limit_is_of_another_type() -> None:
    problem = explain(Report(429, "", "Limit type: tokens. Current limit: 1000, Remaining: 0."), CHAT)
    assert problem.type == "tokens"
    assert "1000 tokens per minute" in problem.message


def test_a_client_is_told_not_to_try_again_once_the_budget_is_spent() -> None:
    assert errors.headers(Situation.BUDGET_SPENT.value)["x-should-retry"] == "false"
    assert "x-should-retry" not in errors.headers(Situation.TOO_MANY_REQUESTS.value)


def test_an_engines_remark_on_the_request_is_passed_on() -> None:
    text = engine_text("temperature must be non-negative, got -9.0. (parameter=temperature, value=-9.0)", "temperature")
    problem = explain(Report(400, "x", text), CHAT)
    assert problem.message == "temperature must be non-negative, got -9.0."
    assert problem.param == "temperature"
    assert problem.code == "invalid_request"


def test_a_validation_error_is_passed_on_without_what_was_sent() -> None:
    text = engine_text(
        "2 validation errors: {'loc': 'body.tools.0.type', 'msg': \"Input should be 'function'\", 'input': 'x'}"
    )
    problem = explain(Report(400, "x", text), CHAT)
    assert (problem.message, problem.param) == ("tools.0.type: Input should be 'function'", "tools")


def refused(quoted: str) -> str:
    """What vLLM says of a value that it refuses."""
    return f"1 validation error:\n  {{'type': 'x', 'loc': 'body.stop', 'msg': 'Not valid', 'input': {quoted!r}}}"


AFTER = "\n\nLiteLLM: model group 'tiny' failed with the error above. No fallback was attempted."
FORMS: dict[str, Callable[[str, int], str]] = {
    "a document": lambda message, status: (
        f"litellm.BadRequestError: Hosted_vllmException - {json.dumps(engine_document(message, status))}{AFTER}"
    ),
    "a document for completions": lambda message, status: (
        f"litellm.BadRequestError: OpenAIException - Error code: {status} - {engine_document(message, status)}{AFTER}"
    ),
    "a message for streamed completions": lambda message, status: (
        f"litellm.BadRequestError: OpenAIException - {message}"
    ),
    "a document that LiteLLM has broken": lambda message, status: (
        f"litellm.BadRequestError: Hosted_vllmException - {json.dumps(engine_document(message, status))[:-5]}{AFTER}"
    ),
}
"""As LiteLLM 1.106.2 writes what an engine answered."""
PHRASES = [
    "connection refused",
    "Connection error",
    "cannot connect",
    "server disconnected",
    "service unavailable",
    "No deployments available",
    "no healthy deployment",
    "Budget has been exceeded",
    "Rejected Request: model is not allowed",
    "request params are disabled on this proxy: x",
    "Invalid JSON",
    "Invalid model name passed in model=None.",
    "Missing required parameter: 'x'",
    "context length",
    "context window",
    "max_model_len",
    "is too large",
    "too many tokens",
    "tool choice a requires --",
    "Limit type: requests. Current limit: 1",
    "not allowed to call this route",
    "No api key passed in",
    "Key is blocked.",
    "timed out",
    "Hosted_vllmException - Connection error.",
    "OpenAIException - Error code: 503 - {'error': {'message': 'x'}}",
    '{"error": {"message": "context length"}}',
    "'loc': 'body.x', 'msg': 'y'",
    "\n\nLiteLLM: x",
]
"""Something of every pattern by which errors are recognised."""


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("quoted", PHRASES)
def test_what_a_caller_has_written_does_not_decide_what_happened(quoted: str, form: Callable[[str, int], str]) -> None:
    problem = explain(Report(400, "x", form(refused(quoted), 400)), CHAT)
    failure = explain(Report(500, "x", form(refused(quoted), 500)), CHAT)

    assert (problem.status, problem.code, problem.message) == (400, "invalid_request", "stop: Not valid")
    assert failure == Situation.MODEL_FAILED.value


@given(
    words=st.lists(st.sampled_from([*PHRASES, "'", '"', "}", "{", "\\", " - "]) | st.text(max_size=5), max_size=6),
    status=st.sampled_from([400, 401, 403, 404, 422, 429, 500, 502, 503]),
    form=st.sampled_from([*FORMS.values()]),
    path=st.sampled_from([CHAT, "/v1/completions"]),
)
def test_no_words_of_a_caller_s_change_what_it_is_told(
    words: list[str], status: int, form: Callable[[str, int], str], path: str
) -> None:
    told = [explain(Report(status, "x", form(refused(quoted), status)), path) for quoted in ("", "".join(words))]

    assert told[0] == told[1]


@pytest.mark.parametrize("name", PHRASES)
def test_the_name_of_a_model_that_is_not_there_decides_nothing(name: str) -> None:
    denied = Report(403, "key_model_access_denied", f"The requested model '{name}' is not available")
    unknown = Report(400, "None", f"400: {{'error': '/completions: Invalid model name passed in model={name}. Call'}}")

    assert explain(denied, CHAT) == Situation.MODEL_NOT_FOUND.value
    assert explain(unknown, CHAT) == Situation.MODEL_NOT_FOUND.value


@pytest.mark.parametrize(
    "text",
    [
        "litellm.InternalServerError: InternalServerError: Hosted_vllmException - Cannot connect to host a:8000 ssl",
        "litellm.APIConnectionError: APIConnectionError: OpenAIException - Connection error.",
        "litellm.InternalServerError: OpenAIException - [Errno -2] Name or service not known",
        "litellm.InternalServerError: Hosted_vllmException - Server disconnected",
    ],
)
def test_an_engine_that_is_not_reached_is_not_available(text: str) -> None:
    assert explain(Report(500, "x", text), CHAT) == Situation.MODEL_UNAVAILABLE.value


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_an_engine_says_by_its_status_is_told_on_every_path(form: Callable[[str, int], str]) -> None:
    away = json.loads(AWAY)["error"]["message"]

    assert explain(Report(503, "x", form(away, 503)), CHAT) == Situation.MODEL_UNAVAILABLE.value
    assert explain(Report(401, "x", form("Unauthorized", 401)), CHAT) == Situation.MODEL_UNAVAILABLE.value
    too_long = explain(Report(400, "x", form("maximum context length is 8 tokens.", 400)), CHAT)
    assert (too_long.code, too_long.param) == ("context_length_exceeded", "messages")


NESTED = '{"a":' * 40_000


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (403, "key_model_access_denied", f"The requested model '{NESTED}' is not available"),
        (400, "x", f"Invalid request format: {NESTED}"),
        (400, "x", f"Hosted_vllmException - {NESTED}"),
        (400, "x", f"OpenAIException - Error code: 400 - {'[' * 16_000}"),
        (400, "x", engine_text("z-" * 400_000)),
        (400, "x", engine_text("(parameter=" * 80_000)),
        (400, "x", engine_text("tool choice " * 80_000)),
        (400, "x", engine_text("litellm." + "a" * 800_000)),
        (500, "x", "Hosted_vllmException" * 40_000),
        (500, "x", "litellm.a: " * 80_000),
    ],
)
def test_no_text_takes_the_event_loop_for_long(status: int, kind: str, text: str) -> None:
    explain(Report(status, kind, text[:1000]), CHAT)
    begun = time.process_time()
    explain(Report(status, kind, text), CHAT)

    assert time.process_time() - begun < 0.1


@pytest.mark.parametrize(
    "text",
    [
        "Authentication Error, Team=bulkhead-connectors is blocked. Update via `/team/unblock` if you're an admin.",
        "LiteLLM Virtual Key expected. Received=pool****0000, expected to start with 'sk-'.",
        "LiteLLM Virtual Key expected. Received=abcd****pool, expected to start with 'sk-'.",
    ],
)
def test_a_key_that_was_judged_is_wrong_whatever_stands_in_it_or_its_tenants_name(text: str) -> None:
    assert explain(Report(401, "auth_error", text), CHAT) == Situation.INVALID_KEY.value


@pytest.mark.parametrize(
    ("path", "param"), [(CHAT, "messages"), ("/v1/completions", "prompt"), ("/v1/responses", "input")]
)
def test_a_prompt_that_is_too_long_names_the_parameter_of_its_own_path(path: str, param: str) -> None:
    problem = explain(Report(400, "x", engine_text("maximum context length is 1024 tokens.", "input_text")), path)
    assert (problem.code, problem.param) == ("context_length_exceeded", param)


def test_too_many_tokens_asked_for_name_their_own_parameter() -> None:
    text = engine_text("max_tokens=9 cannot be greater than max_model_len=8.", "max_tokens")
    assert explain(Report(400, "x", text), CHAT).param == "max_tokens"


@pytest.mark.parametrize(
    "remark",
    [
        f"cannot reach {ENGINE_ADDRESS}",
        "cannot reach 10.244.0.7:8000",
        "cannot reach [fd00::7]",
        "engine-tiny:8000 said no",
        "engine-tiny.bulkhead-engines.svc said no",
        "litellm.BadRequestError: no",
        "ValueError: no",
        "'str' object has no attribute 'get'",
        'Traceback (most recent call last): File "/opt/venv/x.py"',
        f"no such key {DIGEST}",
        "no such key sk-abc",
        "team bulkhead-search may",
    ],
)
def test_a_remark_that_tells_of_the_platform_is_not_passed_on(remark: str) -> None:
    problem = explain(Report(400, "x", engine_text(remark)), CHAT)
    assert problem == Situation.INVALID_REQUEST.value


SECRETS = (ENGINE_ADDRESS, DIGEST, "bulkhead-search", "litellm.APIError", "sk-0123456789")


@given(
    status=st.integers(400, 599),
    kind=st.sampled_from(["", "auth_error", "budget_exceeded", "None", "x"]),
    words=st.lists(
        st.sampled_from([*SECRETS, "Hosted_vllmException - ", '{"error":{"message":"', '"}}', "Limit type: "])
    ),
    path=st.sampled_from([CHAT, "/v1/messages", "/v1/models/x"]),
)
def test_no_text_of_litellms_carries_a_secret_out(status: int, kind: str, words: list[str], path: str) -> None:
    problem = explain(Report(status, kind, " ".join(words)), path)
    written = errors.body(problem, path).decode() + str(errors.headers(problem))
    assert not [secret for secret in SECRETS if secret in written]
    assert 400 <= problem.status < 600


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["error", "detail", "message", "type", "code", "x"]), inner)
        ),
    )
)
def test_whatever_an_error_looks_like_it_gets_the_shape(found: object) -> None:
    document = json.loads(errors.body(explain(read(500, found), CHAT)))
    assert set(document) == {"error"}
    assert set(document["error"]) == {"message", "type", "param", "code"}


def test_the_messages_path_answers_in_its_own_clients_shape() -> None:
    document = errors.document(Situation.INVALID_KEY.value, "/v1/messages")
    assert document["type"] == "error"
    assert document["error"]["type"] == "authentication_error"


REFERENCE = Path(__file__).parents[5] / "docs/reference/errors.md"
ROW = re.compile(r"^\| .* \| (\d+) \| `(\w+)` \| `(\w+)` \| `(\w+)` \|$", re.MULTILINE)
EDGE_ANSWER = re.compile(r"return (\d+) '(\{\"error.*\})';")
CLIENT_ERRORS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
}


def rows(text: str) -> set[tuple[int, str, str, str]]:
    return {(int(status), kind, code, error) for status, kind, code, error in ROW.findall(text)}


def client_error(status: int) -> str:
    return CLIENT_ERRORS.get(status, "InternalServerError" if status >= 500 else "APIStatusError")


def test_the_reference_lists_every_situation() -> None:
    problems = [situation.value for situation in Situation]
    assert rows(REFERENCE.read_text().partition("The edge in front")[0]) == {
        (problem.status, problem.type, problem.code, client_error(problem.status)) for problem in problems
    }


def test_the_reference_lists_what_the_edge_answers_by_itself() -> None:
    answers = EDGE_ANSWER.findall(edge_configuration(GATEWAY))
    found = {
        (int(status), error["type"], error["code"], client_error(int(status)))
        for status, body in answers
        if (error := json.loads(body)["error"])
    }
    assert rows(REFERENCE.read_text().partition("The edge in front")[2]) == found
