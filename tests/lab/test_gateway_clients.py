"""The gateway as its users meet it: the unmodified `openai` client, and any HTTP client.

Every error has the right status, OpenAI's shape, the client's right exception, and tells nothing of the platform.
"""

import json
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import openai
import pytest
import urllib3
from openai.types.chat import ChatCompletionMessageParam

from infra.blueprint.routes import ADMIN_ROUTES, HEALTH_PATH, TENANT_ROUTES
from lab.cluster import Kubectl
from tests.lab import openai_like
from tests.lab.accounts import account
from tests.lab.answers import LEAKS, SECONDS, Answer, assert_error, assert_tells_nothing, send, until_refused
from tests.lab.faults import RECOVERY_SECONDS, containers
from tests.lab.platform import ENGINES, GATEWAY, MODEL, TENANT, TeamPlatform
from tests.lab.tools import FUNCTION

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def gateway(team: TeamPlatform) -> Generator[str]:
    """The gateway's URL, without `/v1`."""
    with team.gateway() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def client(team: TeamPlatform, gateway: str) -> openai.OpenAI:
    """The `openai` client of a tenant; it shows every failure at once."""
    return openai_like.client(gateway, team.keys[TENANT])


# --- what works -------------------------------------------------------------------------------------------------


def test_a_chat_completion_is_answered(client: openai.OpenAI) -> None:
    found = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4)
    assert found.choices[0].message.content
    assert found.usage is not None
    assert found.usage.completion_tokens == 4
    assert found.model == MODEL


def test_a_chat_completion_is_streamed_to_its_end(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=HELLO, max_tokens=8, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    finished = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert text
    assert finished == ["length"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 8


def test_a_text_completion_is_answered(client: openai.OpenAI) -> None:
    assert client.completions.create(model=MODEL, prompt="hello", max_tokens=4).choices[0].text


def test_a_response_is_answered_and_streamed(client: openai.OpenAI) -> None:
    assert client.responses.create(model=MODEL, input="hello", max_output_tokens=16).output_text
    events = list(client.responses.create(model=MODEL, input="hello", max_output_tokens=16, stream=True))
    assert "response.output_text.delta" in {event.type for event in events}
    assert events[-1].type in {"response.completed", "response.incomplete"}


def test_the_models_that_the_key_opens_are_listed_and_found(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL


def test_an_answer_carries_an_id_for_the_operators_and_nothing_of_the_platform(
    team: TeamPlatform, gateway: str, client: openai.OpenAI
) -> None:
    found = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=2)
    assert found.headers["x-request-id"]
    assert int(found.headers["x-ratelimit-remaining-requests"]) >= 0
    answer = send(gateway, team.keys[TENANT], {"model": MODEL, "messages": HELLO, "max_tokens": 2})
    assert_tells_nothing(Answer(answer.status, answer.headers, ""), TENANT, "engine-", ".svc")


# --- what is refused --------------------------------------------------------------------------------------------

CHAT: dict[str, Any] = {"model": MODEL, "messages": HELLO, "max_tokens": 4}
LONG = "word " * 3000


@dataclass(frozen=True)
class Refusal:
    """A request, and what it is answered."""

    path: str
    body: dict[str, Any]
    status: int
    code: str
    param: str | None


CHAT_PATH = "/v1/chat/completions"
LONG_CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": LONG}]}
REFUSALS = [
    Refusal("/v1/embeddings", {"model": MODEL, "input": "hello"}, 404, "model_unsuited", "model"),
    Refusal(CHAT_PATH, {**CHAT, "model": "nope"}, 404, "model_not_found", "model"),
    Refusal(CHAT_PATH, {"messages": HELLO}, 400, "invalid_request", "model"),
    Refusal(CHAT_PATH, {"model": MODEL}, 400, "invalid_request", "messages"),
    Refusal(CHAT_PATH, {**CHAT, "messages": "hello"}, 400, "invalid_request", None),
    Refusal(CHAT_PATH, {**CHAT, "temperature": -9}, 400, "invalid_request", "temperature"),
    Refusal(CHAT_PATH, {**CHAT, "temperature": -9, "stream": True}, 400, "invalid_request", "temperature"),
    Refusal(CHAT_PATH, {**CHAT, "stream": 1}, 400, "invalid_request", "stream"),
    Refusal(CHAT_PATH, {**CHAT, "tools": [FUNCTION]}, 400, "tools_not_enabled", None),
    Refusal(CHAT_PATH, LONG_CHAT, 400, "context_length_exceeded", "messages"),
    Refusal(CHAT_PATH, {**CHAT, "max_tokens": 9999}, 400, "context_length_exceeded", "max_tokens"),
    Refusal("/v1/completions", {"model": MODEL, "prompt": LONG}, 400, "context_length_exceeded", "prompt"),
    Refusal("/v1/responses", {"model": MODEL, "input": LONG}, 400, "context_length_exceeded", "input"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda found: f"{found.path}-{found.code}-{found.param}")
def test_a_request_that_cannot_be_served_is_told_why(team: TeamPlatform, gateway: str, refusal: Refusal) -> None:
    answer = send(gateway, team.keys[TENANT], refusal.body, path=refusal.path)
    assert_error(answer, refusal.status, refusal.code)
    assert answer.error["param"] == refusal.param


def test_a_model_that_the_key_does_not_open_is_refused_as_one_that_does_not_exist(
    team: TeamPlatform, gateway: str
) -> None:
    """Told apart, the two would let a tenant find out which models others have."""
    with account(team) as allowed, account(team, models=["not-tiny"]) as denied:
        assert send(gateway, allowed.key, CHAT).status == 200
        answer = send(gateway, denied.key, CHAT)
        absent = send(gateway, denied.key, {**CHAT, "model": "nope"})
        with pytest.raises(openai.NotFoundError, match="the API key does not open it"):
            openai_like.client(gateway, denied.key).chat.completions.create(model=MODEL, messages=HELLO)
    assert_error(answer, 404, "model_not_found")
    assert answer.error["param"] == "model"
    assert answer.error == absent.error
    assert_tells_nothing(answer, denied.team, "not-tiny")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_a_model_s_path_is_answered_alike_whether_others_have_it_or_nobody(
    team: TeamPlatform, gateway: str, method: str
) -> None:
    """With a key that does not open it, with an unknown key, and without any."""
    with account(team, models=["not-tiny"]) as denied:
        for key in (denied.key, "sk-" + "0" * 48, None):
            of_others = send(gateway, key, path=f"/v1/models/{MODEL}", method=method)
            absent = send(gateway, key, path="/v1/models/nope", method=method)
            assert comparable(of_others) == comparable(absent)
            assert of_others.status == (405 if method != "GET" else 404 if key == denied.key else 401)


def comparable(answer: Answer) -> Answer:
    """The answer without what differs from one request to the next: the headers' names remain."""
    own = {name: "" if name in {"date", "x-request-id"} else value for name, value in answer.headers.items()}
    return replace(answer, headers=own)


@pytest.mark.parametrize("raw", [b"", b"[1, 2]", b'{"model": "tiny", ', b"\xff\xfe{"])
def test_what_is_no_json_object_is_told_so(team: TeamPlatform, gateway: str, raw: bytes) -> None:
    assert_error(send(gateway, team.keys[TENANT], raw=raw), 400, "invalid_json")


OWN_PARAMETERS: dict[str, object] = {
    "api_base": "http://127.0.0.1:1/v1",
    "api_key": "mine",
    "base_url": "http://127.0.0.1:1/v1",
    "custom_llm_provider": "openai",
    "extra_body": {"priority": -100, "stream_options": {"include_usage": False}},
    "extra_headers": {"x-a": "b"},
    "fallbacks": ["nope"],
    "input_cost_per_token": 0,
    "mock_response": "free of charge",
    "model_list": [],
    "no-log": True,
    "num_retries": 50,
    "request_id": "somebody-else-s",
    "session_id": "somebody-else-s",
    "user_config": {"model_list": []},
    "vllm_xargs": {"kv_transfer_params": "theirs"},
}


@pytest.mark.parametrize("name", sorted(OWN_PARAMETERS))
def test_a_caller_sets_none_of_the_platforms_parameters(team: TeamPlatform, gateway: str, name: str) -> None:
    answer = send(gateway, team.keys[TENANT], {**CHAT, name: OWN_PARAMETERS[name]})
    assert_error(answer, 400, "parameter_not_allowed", told=name)
    assert answer.error["param"] == name


def test_a_form_in_place_of_json_says_nothing_that_json_may_not(team: TeamPlatform, gateway: str) -> None:
    """LiteLLM reads forms too, and a body can be both."""
    fields = f"&model={MODEL}&prompt=hello&max_tokens=2&mock_response=free&x="
    body = json.dumps({"a": fields})
    headers = {"Authorization": f"Bearer {team.keys[TENANT]}", "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{gateway}/v1/completions"
    answer = urllib3.request("POST", url, body=body, headers=headers, timeout=60, retries=False)

    assert answer.status == 400, answer.data
    assert b"free" not in answer.data


def test_the_openai_client_raises_what_each_status_means(
    team: TeamPlatform, gateway: str, client: openai.OpenAI
) -> None:
    with pytest.raises(openai.AuthenticationError, match="unknown, expired or blocked"):
        openai_like.client(gateway, "sk-" + "0" * 48).chat.completions.create(model=MODEL, messages=HELLO)
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.chat.completions.create(model="nope", messages=HELLO)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")
    with pytest.raises(openai.NotFoundError, match="does not serve this path"):
        client.embeddings.create(model=MODEL, input="hello", encoding_format="float")
    with pytest.raises(openai.BadRequestError, match="context") as too_long:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": LONG}])
    assert too_long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=MODEL, messages=HELLO, temperature=-9, stream=True)


@pytest.mark.parametrize("key", [None, "sk-" + "0" * 48, "hello", "sk-"])
def test_without_a_good_key_nothing_is_opened(team: TeamPlatform, gateway: str, key: str | None) -> None:
    assert_error(send(gateway, key, CHAT), 401, "invalid_api_key")
    assert_error(send(gateway, key, path="/v1/models", method="GET"), 401, "invalid_api_key")


def test_a_blocked_key_is_told_no_more_than_an_unknown_one(team: TeamPlatform, gateway: str) -> None:
    with account(team) as made:
        assert send(gateway, made.key, CHAT).status == 200
    deadline = time.monotonic() + 60
    while (answer := send(gateway, made.key, CHAT)).status == 200 and time.monotonic() < deadline:
        time.sleep(1)
    assert_error(answer, 401, "invalid_api_key")
    assert_tells_nothing(answer, made.team)


def test_a_spent_budget_is_told_and_the_client_does_not_try_again(team: TeamPlatform, gateway: str) -> None:
    with account(team, max_budget=0.000001) as made:
        assert send(gateway, made.key, CHAT).status == 200
        answer = until_refused(gateway, made.key, CHAT)
        assert_error(answer, 429, "insufficient_quota")
        assert_tells_nothing(answer, made.team)
        patient = openai_like.client(gateway, made.key, retries=5)
        began = time.monotonic()
        with pytest.raises(openai.RateLimitError, match="budget is spent"):
            patient.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4)
        assert time.monotonic() - began < 10


def test_a_spent_token_limit_is_told_with_when_to_come_back(team: TeamPlatform, gateway: str) -> None:
    with account(team, tpm_limit=40) as made:
        assert send(gateway, made.key, CHAT).status == 200
        answer = until_refused(gateway, made.key, CHAT)
    assert_error(answer, 429, "rate_limit_exceeded")
    assert answer.error["type"] == "tokens"
    assert 0 < int(answer.headers["retry-after"]) <= 60


# --- what is not there ------------------------------------------------------------------------------------------

INSIDE_SCRIPT = Path(__file__).with_name("litellm_routes.py")


def beside_litellm(kubectl: Kubectl, *arguments: str, given: str = "") -> Any:
    """What the script prints when it runs beside LiteLLM, behind the edge."""
    printed = kubectl.run(
        *("exec", "--stdin", "--namespace", GATEWAY, "deployment/gateway", "--container", "litellm", "--"),
        *("python3", "-I", "-S", "-c", INSIDE_SCRIPT.read_text(), *arguments),
        given=given,
        timeout=SECONDS,
    )
    return json.loads(printed)


def test_no_other_path_of_litellms_is_reached_with_a_tenants_key(
    team: TeamPlatform, gateway: str, kubectl: Kubectl
) -> None:
    opened = {(route.method, route.path) for route in TENANT_ROUTES}
    routes = {(method, path) for method, path in beside_litellm(kubectl)} | {
        (route.method, route.path) for route in ADMIN_ROUTES
    }
    assert len(routes) > 300, "LiteLLM serves hundreds of routes; these cannot be all"
    assert opened <= routes
    closed = sorted(routes - opened)
    key = team.keys[TENANT]
    reached = [
        (method, path, answer.status)
        for method, path in closed
        if (answer := send(gateway, key, {} if method != "GET" else None, path=path, method=method)).status
        not in {401, 403, 404, 405}
    ]
    assert [(method, path) for method, path, _ in reached if path != HEALTH_PATH] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/key/generate"),
        ("GET", "/team/list"),
        ("GET", "/user/info"),
        ("GET", "/config/yaml"),
        ("POST", "/model/new"),
        ("GET", "/ui"),
        ("POST", "/vllm/v1/chat/completions"),
        ("POST", "/anthropic/v1/messages"),
        ("GET", "/v1/responses/resp_1"),
        ("POST", "/chat/completions"),
        ("POST", "/v1/chat/completions/../../key/generate"),
        ("POST", "//key/generate"),
        ("POST", "/v1/%2e%2e/key/generate"),
    ],
)
def test_a_path_that_is_not_open_does_not_exist(team: TeamPlatform, gateway: str, method: str, path: str) -> None:
    answer = send(gateway, team.keys[TENANT], CHAT if method == "POST" else None, path=path, method=method)
    assert_error(answer, 404, "unknown_url")


def test_litellm_itself_refuses_a_tenants_key_what_the_edge_does_not_let_through(
    team: TeamPlatform, kubectl: Kubectl
) -> None:
    routes = [[route.method, route.path] for route in ADMIN_ROUTES if route.path != "/health/readiness"]
    more = [
        ["GET", "/team/list"],
        ["POST", "/model/new"],
        ["GET", "/get/config/callbacks"],
        ["POST", "/vllm/x"],
        ["GET", "/v1/models"],
    ]
    called = beside_litellm(
        kubectl, json.dumps([*routes, *more, ["GET", "/v1/models"]]), given=team.keys[TENANT] + "\n"
    )
    statuses = {(method, path): status for method, path, status in called}
    assert statuses.pop(("GET", "/v1/models")) == 200
    assert set(statuses.values()) <= {401, 403, 404}, statuses


# --- the engine goes --------------------------------------------------------------------------------------------


@pytest.mark.full
def test_an_engine_that_dies_is_told_in_the_middle_of_a_stream_and_before_the_next_one(
    team: TeamPlatform, gateway: str, client: openai.OpenAI, kubectl: Kubectl
) -> None:
    (engine,) = containers(kubectl, ENGINES, "app.kubernetes.io/name=engine", "engine")
    stream = client.chat.completions.create(
        model=MODEL, messages=HELLO, max_tokens=900, stream=True, extra_body={"ignore_eos": True}
    )
    chunks = iter(stream)
    next(chunks)
    try:
        engine.kill()
        with pytest.raises(openai.APIError) as broken:
            list(chunks)
        body = cast("dict[str, Any]", broken.value.body)
        assert set(body) == {"message", "type", "param", "code"}
        assert body["type"] == "server_error"
        assert not LEAKS.search(json.dumps(body)), body
        answer = send(gateway, team.keys[TENANT], CHAT)
        assert_error(answer, 503, "model_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4, stream=True)
    finally:
        wait_until(lambda: send(gateway, team.keys[TENANT], CHAT).status == 200)
    assert client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4).choices[0].message.content


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the engine did not come back"
        time.sleep(2)
