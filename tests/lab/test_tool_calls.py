"""Tools pass the gateway as they are, on the way to the engine and on the way back.

The lab's model takes no tools into its prompt and calls none, so that a recorder stands in its place where it is to be
seen what arrives, and what becomes of an answer that calls some.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

from lab.cluster import Kubectl
from tests.lab import openai_like
from tests.lab.faults import wait_until
from tests.lab.platform import ENGINES, MODEL, TENANT, TeamPlatform
from tests.lab.recorder import Arrived, Canned, recording
from tests.lab.tools import CALL, CALLS, CONVERSATION, FUNCTION, PIECES, REASON, USAGE, calling

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

OFFERED = cast("Any", [FUNCTION])
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def client(team: TeamPlatform) -> Generator[openai.OpenAI]:
    """The `openai` client of a tenant; it shows every failure at once."""
    with team.gateway() as port:
        yield openai_like.client(f"http://127.0.0.1:{port}", team.keys[TENANT])


@contextmanager
def recorded(
    client: openai.OpenAI, kubectl: Kubectl, canned: Canned | None = None
) -> Generator[Callable[[], list[Arrived]]]:
    """A recorder in the engines' place while the context lasts, and engines that answer afterwards."""
    try:
        with recording(kubectl, ENGINES, f"engine-{MODEL}", canned) as requests:
            yield requests
    finally:
        wait_until(lambda: answers(client), "the engine answers again")


def answers(client: openai.OpenAI) -> bool:
    """Whether it is the model that answers: in words, as no recorder does."""
    try:
        found = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=2)
    except openai.APIError:
        return False
    return bool(found.choices[0].message.content)


def converse(client: openai.OpenAI) -> ChatCompletion:
    """Ask with tools, and with a call of one in the conversation."""
    messages = cast("list[ChatCompletionMessageParam]", CONVERSATION)
    return client.chat.completions.create(
        model=MODEL, messages=messages, max_tokens=2, tools=OFFERED, tool_choice="none"
    )


def test_a_conversation_with_tool_calls_is_answered(client: openai.OpenAI) -> None:
    assert converse(client).choices[0].finish_reason in {"length", "stop"}


def test_tools_and_their_calls_reach_the_engine_as_they_were_sent(client: openai.OpenAI, kubectl: Kubectl) -> None:
    with recorded(client, kubectl) as requests:
        # The recorder refuses what it has kept.
        with pytest.raises(openai.APIError):
            converse(client)
        (request,) = requests()

    _, asked, answered = request.body["messages"]
    assert (request.body["tools"], request.body["tool_choice"]) == ([FUNCTION], "none")
    assert asked["tool_calls"] == [CALL]
    assert (answered["role"], answered["tool_call_id"], answered["content"]) == ("tool", CALL["id"], "sunny")


def test_calls_of_tools_reach_the_client_as_the_engine_wrote_them_at_once_and_in_a_stream(
    client: openai.OpenAI, kubectl: Kubectl
) -> None:
    with recorded(client, kubectl, calling()):
        whole = client.chat.completions.create(model=MODEL, messages=HELLO, tools=OFFERED)
        stream = list(
            client.chat.completions.create(
                model=MODEL, messages=HELLO, tools=OFFERED, stream=True, stream_options={"include_usage": True}
            )
        )

    (choice,) = whole.choices
    assert [called.model_dump() for called in choice.message.tool_calls or ()] == list(CALLS)
    assert (choice.finish_reason, choice.message.content) == (REASON, None)
    assert whole.usage is not None
    assert whole.usage.model_dump(include=set(USAGE)) == USAGE
    # LiteLLM says of each piece that it is of a function, the engine of the first one of a call.
    assert pieces_of(stream) == [{**piece, "type": "function"} for piece in PIECES]
    assert [each.finish_reason for chunk in stream for each in chunk.choices if each.finish_reason] == [REASON]
    assert not [each for chunk in stream for each in chunk.choices if each.delta.content]
    usage = stream[-1].usage
    assert usage is not None
    assert usage.model_dump(include=set(USAGE)) == USAGE


def pieces_of(stream: list[ChatCompletionChunk]) -> list[dict[str, Any]]:
    """The pieces of calls in the order in which they came, with what was said of each."""
    choices = [choice for chunk in stream for choice in chunk.choices]
    return [piece.model_dump(exclude_unset=True) for choice in choices for piece in choice.delta.tool_calls or ()]
