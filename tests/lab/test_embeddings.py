"""A model that embeds beside one that chats: what the `openai` client gets of it, and what that costs.

vLLM finds out by itself what the model is for, and LiteLLM by the path; nothing in the stack file says so.
"""

import math
import uuid
from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from infra.blueprint.routes import key_paths
from infra.config.tenants import TenantRoute
from lab.cluster import Kubectl
from lab.images.vllm.tiny_model import CONTEXT_LENGTH, DIMENSIONS, vocabulary
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab import openai_like
from tests.lab.accounts import account
from tests.lab.caches import EMBEDDINGS, HEEDED, OVERRIDES, Caches, prompt
from tests.lab.embedding import EMBEDDER, OPENED_SECONDS, USD_PER_MILLION, embedder, watching_embedder
from tests.lab.faults import wait_until
from tests.lab.ledger import DUST, Ledger
from tests.lab.platform import MODEL, OTHER_TENANT, TENANT, TeamPlatform

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]

NOISE = 1e-4
"""What one number of a vector may differ by when its text is computed beside others, or from a prefix found again."""
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
TEXTS = ["one", "another one", "one"]
TOO_LONG = "x" * CONTEXT_LENGTH
"""The stack file leaves less of the model's context."""


@pytest.fixture(scope="module")
def served(team: TeamPlatform, kubectl: Kubectl) -> Generator[TeamPlatform]:
    """A team's platform with the model that embeds; without KV1."""
    with embedder(team.stack, kubectl):
        yield team


@pytest.fixture(scope="module")
def gateway(served: TeamPlatform) -> Generator[str]:
    with served.gateway() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def client(served: TeamPlatform, gateway: str) -> openai.OpenAI:
    """The `openai` client of a tenant whose record names the model."""
    found = openai_like.client(gateway, served.keys[TENANT])
    wait_until(lambda: EMBEDDER in {model.id for model in found.models.list()}, "the key opens it", OPENED_SECONDS)
    return found


def vector(client: openai.OpenAI, asked: Any, **more: Any) -> list[float]:
    (found,) = client.embeddings.create(model=EMBEDDER, input=asked, **more).data
    return found.embedding


def alike(vector: list[float]) -> Any:
    return pytest.approx(vector, abs=NOISE)


# --- what works -------------------------------------------------------------------------------------------------


def test_a_text_becomes_a_vector_of_length_one(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model=EMBEDDER, input="hello")

    (only,) = found.data
    assert (found.object, found.model, only.object, only.index) == ("list", EMBEDDER, "embedding", 0)
    assert len(only.embedding) == DIMENSIONS
    assert math.hypot(*only.embedding) == pytest.approx(1, abs=NOISE)
    # A byte is a token.
    assert found.usage.prompt_tokens == found.usage.total_tokens == len("hello")


def test_a_list_of_texts_becomes_as_many_vectors_in_their_order(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model=EMBEDDER, input=TEXTS)

    first, second, third = (each.embedding for each in found.data)
    assert [each.index for each in found.data] == [0, 1, 2]
    assert {len(each.embedding) for each in found.data} == {DIMENSIONS}
    assert first == alike(third)
    assert first != alike(vector(client, "zero?"))
    assert second == alike(vector(client, TEXTS[1]))
    assert found.usage.prompt_tokens == sum(map(len, TEXTS))


def test_a_vector_is_the_same_however_it_is_written_and_asked_for(client: openai.OpenAI) -> None:
    """The client asks for base64 where it is not told, and reads it; LangChain's sends tokens in place of the text."""
    usual = vector(client, "hello")
    tokens = [vocabulary()[letter] for letter in "hello"]

    assert vector(client, "hello", encoding_format="float") == alike(usual)
    assert vector(client, [tokens]) == alike(usual)
    assert vector(client, tokens) == alike(usual)


def test_the_model_that_chats_goes_on_beside_it(client: openai.OpenAI) -> None:
    assert client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4).choices[0].message.content


# --- what is refused --------------------------------------------------------------------------------------------


def error(raised: pytest.ExceptionInfo[openai.APIStatusError]) -> tuple[int, str, str | None]:
    """Status, code and parameter of an error that has OpenAI's shape."""
    body = cast("dict[str, Any]", raised.value.body)
    assert set(body) == {"message", "type", "param", "code"}
    return raised.value.status_code, body["code"], body["param"]


ELSEWHERE: dict[str, Callable[[openai.OpenAI], object]] = {
    "chat": lambda client: client.chat.completions.create(model=EMBEDDER, messages=HELLO, max_tokens=4),
    "chat stream": lambda client: client.chat.completions.create(
        model=EMBEDDER, messages=HELLO, max_tokens=4, stream=True
    ),
    "completions": lambda client: client.completions.create(model=EMBEDDER, prompt="hello", max_tokens=4),
    "responses": lambda client: client.responses.create(model=EMBEDDER, input="hello", max_output_tokens=16),
}


@pytest.mark.parametrize("path", ELSEWHERE)
def test_on_any_other_path_the_model_is_said_not_to_serve_it(client: openai.OpenAI, path: str) -> None:
    with pytest.raises(openai.NotFoundError, match="does not serve this path") as raised:
        ELSEWHERE[path](client)

    assert error(raised) == (404, "model_unsuited", "model")


def test_a_text_longer_than_the_models_context_is_told_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        vector(client, TOO_LONG)

    assert error(raised) == (400, "context_length_exceeded", "input")


@pytest.mark.parametrize(
    ("name", "value"), [("encoding_format", "bytes"), ("encoding_format", "bytes_only"), ("stream", True)]
)
def test_vectors_that_litellm_could_not_hand_over_are_refused_before_they_are_computed(
    client: openai.OpenAI, name: str, value: object
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        vector(client, "hello", extra_body={name: value})

    assert error(raised) == (400, "invalid_request", name)


def test_a_text_of_no_tokens_is_told_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        vector(client, [[]])

    assert error(raised) == (400, "invalid_request", "input")


def test_a_key_embeds_where_its_routes_and_its_models_say_so(
    served: TeamPlatform, gateway: str, client: openai.OpenAI
) -> None:
    both = [MODEL, EMBEDDER]
    with (
        account(served, both) as open_to_both,
        account(served, both, key_paths([TenantRoute.CHAT])) as without_route,
        account(served, [MODEL]) as without_model,
    ):
        assert vector(openai_like.client(gateway, open_to_both.key), "hello") == alike(vector(client, "hello"))
        for made, kind, refusal in (
            (without_route, openai.PermissionDeniedError, (403, "path_not_open", None)),
            (without_model, openai.NotFoundError, (404, "model_not_found", "model")),
        ):
            theirs = openai_like.client(gateway, made.key)
            assert theirs.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4).choices
            with pytest.raises(kind) as raised:
                vector(theirs, "hello")
            assert error(raised) == refusal


# --- what it costs ----------------------------------------------------------------------------------------------


def test_a_vector_is_recorded_once_at_the_price_of_the_engines_count_of_its_tokens(
    served: TeamPlatform, gateway: str, client: openai.OpenAI, kubectl: Kubectl
) -> None:
    asked: list[Any] = ["a", ["bb", "ccc"], [[vocabulary()[letter] for letter in "dddd"]]]
    with account(served, [EMBEDDER]) as made:
        theirs = openai_like.client(gateway, made.key)
        told = [theirs.embeddings.create(model=EMBEDDER, input=each).usage.prompt_tokens for each in asked]
        with pytest.raises(openai.NotFoundError):
            ELSEWHERE["chat"](theirs)
        with pytest.raises(openai.BadRequestError):
            vector(theirs, TOO_LONG)
        recorded = Ledger(kubectl, made.key).holding(len(asked))

    entries = sorted(recorded.entries.values(), key=lambda entry: entry.prompt_tokens)
    assert told == [1, 5, 4]
    assert [(entry.prompt_tokens, entry.completion_tokens) for entry in entries] == [(1, 0), (4, 0), (5, 0)]
    assert all(abs(entry.spend - cost(entry.prompt_tokens)) < DUST for entry in entries), entries
    assert abs(recorded.logged - cost(sum(told))) < DUST
    assert recorded.agrees, (recorded.team, recorded.key, recorded.logged)


def cost(tokens: int) -> Decimal:
    """US dollars, exactly."""
    return tokens * USD_PER_MILLION / 1_000_000


# --- whose cache it is ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def open_caches(served: TeamPlatform, client: openai.OpenAI, access: ClusterAccess) -> Generator[Caches]:
    """The engine's counters, without KV1; with it in force: `test_cache_isolation.py`."""
    with watching_embedder(served.stack, access) as caches:
        yield caches


def test_without_the_control_one_tenant_finds_again_what_another_has_had_embedded(open_caches: Caches) -> None:
    """The leak, so that the engine's counters are known to see it."""
    question = prompt()

    assert open_caches.found_again(TENANT, EMBEDDINGS, question) == 0
    assert open_caches.found_again(OTHER_TENANT, EMBEDDINGS, question) > 0


@pytest.mark.parametrize("override", HEEDED)
def test_without_the_control_a_caller_chooses_whose_cache_of_vectors_it_looks_into(
    open_caches: Caches, override: str
) -> None:
    question, as_the_other = prompt(), OVERRIDES[override](uuid.uuid4().hex)

    assert open_caches.found_again(TENANT, EMBEDDINGS, question, **as_the_other) == 0
    assert open_caches.found_again(OTHER_TENANT, EMBEDDINGS, question) == 0
    assert open_caches.found_again(OTHER_TENANT, EMBEDDINGS, question, **as_the_other) > 0


@pytest.mark.parametrize("override", [name for name in OVERRIDES if name not in HEEDED])
def test_without_the_control_what_the_engine_does_not_read_names_no_salt_either(
    open_caches: Caches, override: str
) -> None:
    question = prompt()

    assert open_caches.found_again(TENANT, EMBEDDINGS, question, **OVERRIDES[override](uuid.uuid4().hex)) == 0
    assert open_caches.found_again(OTHER_TENANT, EMBEDDINGS, question) > 0
