"""The gateway by a plain `curl`: every path that a tenant has, and what is refused on each of them."""

import json
from collections.abc import Generator

import pytest

from infra.blueprint.routes import MODELS_PATH
from tests.lab.accounts import account
from tests.lab.answers import Answer, assert_error, assert_error_of_messages, assert_tells_nothing
from tests.lab.curl import WAYS, Way, curl
from tests.lab.platform import MODEL, TENANT, TeamPlatform

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

STRANGER = "sk-" + "0" * 48
LONG = "word " * 3000
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture(scope="module")
def gateway(team: TeamPlatform) -> Generator[str]:
    """The gateway's URL, without `/v1`."""
    with team.gateway() as port:
        yield f"http://127.0.0.1:{port}"


@every_way
def test_an_answer_comes_at_once_and_in_a_stream(team: TeamPlatform, gateway: str, way: Way) -> None:
    whole = curl(gateway, team.keys[TENANT], way.path, way.asked())
    stream = curl(gateway, team.keys[TENANT], way.path, way.asked(stream=True))

    assert whole.status == 200, whole.text
    assert way.text(json.loads(whole.text))
    assert stream.status == 200, stream.text
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert way.is_whole(stream.text), stream.text


def test_the_models_are_listed_and_found_by_their_names(team: TeamPlatform, gateway: str) -> None:
    listed = curl(gateway, team.keys[TENANT], MODELS_PATH)
    found = curl(gateway, team.keys[TENANT], f"{MODELS_PATH}/{MODEL}")

    assert (listed.status, found.status) == (200, 200)
    assert [model["id"] for model in json.loads(listed.text)["data"]] == [MODEL]
    assert json.loads(found.text)["id"] == MODEL


@every_way
def test_a_wrong_key_is_told(gateway: str, way: Way) -> None:
    assert_refused(curl(gateway, STRANGER, way.path, way.asked()), way, 401, "invalid_api_key")


def test_a_wrong_key_lists_no_model(gateway: str) -> None:
    assert_error(curl(gateway, STRANGER, MODELS_PATH), 401, "invalid_api_key")


def test_a_model_that_the_key_does_not_open_is_told_on_every_path(team: TeamPlatform, gateway: str) -> None:
    with account(team, models=["not-tiny"]) as denied:
        answers = {name: curl(gateway, denied.key, way.path, way.asked()) for name, way in WAYS.items()}
        found = curl(gateway, denied.key, f"{MODELS_PATH}/{MODEL}")
    for name, answer in answers.items():
        assert_refused(answer, WAYS[name], 404, "model_not_found")
        assert_tells_nothing(answer, denied.team, "not-tiny")
    assert_error(found, 404, "model_not_found")


@every_way
def test_a_prompt_that_is_too_long_is_told(team: TeamPlatform, gateway: str, way: Way) -> None:
    answer = curl(gateway, team.keys[TENANT], way.path, way.asked(LONG))

    assert_refused(answer, way, 400, "context_length_exceeded")
    assert "context" in answer.error["message"]


def test_a_model_that_computes_no_vectors_is_told(team: TeamPlatform, gateway: str) -> None:
    answer = curl(gateway, team.keys[TENANT], "/v1/embeddings", {"model": MODEL, "input": "hello"})

    assert_error(answer, 404, "model_unsuited")


def assert_refused(answer: Answer, way: Way, status: int, code: str) -> None:
    """An error in the shape of the path's own interface."""
    if way is WAYS["messages"]:
        assert_error_of_messages(answer, status)
    else:
        assert_error(answer, status, code)
