"""What a tenant is charged: on every path, plain and streamed, what PostgreSQL records is what the answer itself says.

All is asked with one key that nobody else has, so that whatever is recorded of it was asked here.
"""

import json
import subprocess
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest

from lab import cluster
from lab.cluster.network import INSIDE
from tests.lab import openai_like
from tests.lab.accounts import account
from tests.lab.caches import SURFACES
from tests.lab.ledger import DUST, PRICE, Balance, Entry, Ledger
from tests.lab.load import service_url
from tests.lab.platform import MODEL, TeamPlatform

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

CHAT = "/v1/chat/completions"
TELL_USAGE_WHEN_ASKED = {CHAT, "/v1/completions"}
"""Where a stream ends with its usage only if the caller wants it; the others always tell it."""
TOO_LONG = "word " * 3000
LEFT_TOKENS = 900
"""Seconds of the lab's model, and as many tokens as its context has room for beside a short question."""
LEFT_AFTER = 5
"""Words; each is a token of the lab's model, or two."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Usage:
    """Tokens in and out, as an answer tells them."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def cost(self) -> Decimal:
        """In US dollars, exactly."""
        return (self.prompt_tokens * PRICE[0] + self.completion_tokens * PRICE[1]) / 1_000_000


def usage_recorded(entry: Entry) -> Usage:
    return Usage(entry.prompt_tokens, entry.completion_tokens)


@dataclass(frozen=True)
class Left:
    """A stream that its caller left.

    Attributes:
        identifier: The answer's id.
        words: How many pieces of text had come.
        whole: What the answer would have used at its end.
    """

    identifier: str
    words: int
    whole: Usage


@dataclass(frozen=True)
class Bill:
    """What was asked with a key, and what is recorded of it.

    Attributes:
        answers: Surface → the usage that its answer told.
        refused: Surface → the status of a request that no model could answer.
        left: The stream that was left.
        recorded: What the database holds.
    """

    answers: Mapping[str, Usage]
    refused: Mapping[str, int]
    left: Left
    recorded: Balance


@pytest.fixture(scope="module")
def bill(team: TeamPlatform, kubectl: cluster.Kubectl) -> Generator[Bill]:
    with account(team) as made:
        with team.gateway() as port:
            answers = {name: asked(port, made.key, name, length) for length, name in enumerate(SURFACES, start=1)}
            refused = {name: refusal(port, made.key, name) for name in SURFACES if not name.endswith("stream")}
        left = leave(f"{service_url(kubectl)}{CHAT}", made.key, answers["chat"].prompt_tokens)
        recorded = Ledger(kubectl, made.key).holding(len(answers) + 1)
        yield Bill(answers, refused, left, recorded)


def question(length: int) -> str:
    """A prompt of its own for each length, so that an entry of the spend log tells by its tokens whose it is."""
    return "Is it so? " * length


def asked(port: int, key: str, name: str, length: int) -> Usage:
    """Ask on one surface, and read the answer's usage."""
    surface = SURFACES[name]
    body = {"model": MODEL, **surface.body(question(length))}
    if body.get("stream") and surface.path in TELL_USAGE_WHEN_ASKED:
        body["stream_options"] = {"include_usage": True}
    answer = openai_like.answer(port, key, "POST", surface.path, body)
    text = answer.data.decode()
    assert answer.status == 200, (name, text)
    return usage_told(text)


def refusal(port: int, key: str, name: str) -> int:
    """The status of a prompt that is longer than the model's context."""
    surface = SURFACES[name]
    return openai_like.status(port, key, "POST", surface.path, {"model": MODEL, **surface.body(TOO_LONG)})


def usage_told(text: str) -> Usage:
    """The usage in an answer, or in a stream's events: the largest numbers, as a stream may begin with zeros."""
    streamed = (line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:"))
    lines = [text] if text.startswith("{") else [line for line in streamed if line != "[DONE]"]
    told = [usage for line in lines for usage in usages(json.loads(line))]
    return Usage(
        max(usage.get("prompt_tokens") or usage.get("input_tokens") or 0 for usage in told),
        max(usage.get("completion_tokens") or usage.get("output_tokens") or 0 for usage in told),
    )


def usages(document: Document) -> list[Document]:
    """Where an answer, or one event of a stream, tells its usage: for responses and messages one level deeper."""
    places = (document, document.get("response"), document.get("message"))
    return [place["usage"] for place in places if place and place.get("usage")]


def leave(url: str, key: str, prompt_tokens: int) -> Left:
    """Ask for a long stream as `curl` does, and end the client once some words have come.

    Args:
        url: What to ask; the client is in the lab's network, so that nothing stands between it and the gateway.
        key: The key, which no list of processes shows.
        prompt_tokens: Of the shortest question, which is the one that is asked.
    """
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": question(1)}],
        "max_tokens": LEFT_TOKENS,
        "ignore_eos": True,
        "stream": True,
    }
    settings = (
        f'url = "{url}"\nheader = "Authorization: Bearer {key}"\n'
        f'header = "Content-Type: application/json"\ndata = {json.dumps(json.dumps(body))}\n'
    )
    command = [*INSIDE, "curl", "--silent", "--no-buffer", "--max-time", "120", "--config", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(settings)
        client.stdin.close()
        try:
            events = (json.loads(line.removeprefix("data:")) for line in client.stdout if line.startswith("data: {"))
            said = list(islice((event for event in events if has_text(event)), LEFT_AFTER))
        finally:
            client.kill()
    assert len(said) == LEFT_AFTER, said
    return Left(said[0]["id"], len(said), Usage(prompt_tokens, LEFT_TOKENS))


def has_text(event: Document) -> bool:
    return any(choice["delta"].get("content") for choice in event["choices"])


@pytest.mark.parametrize("surface", SURFACES)
def test_an_answer_is_recorded_once_with_its_own_usage_and_at_the_models_price(bill: Bill, surface: str) -> None:
    usage = bill.answers[surface]
    found = [entry for entry in bill.recorded.entries.values() if usage_recorded(entry) == usage]

    assert min(usage.prompt_tokens, usage.completion_tokens) > 0
    assert len(found) == 1, (usage, bill.recorded.entries)
    assert abs(found[0].spend - usage.cost) < DUST


def test_the_sums_are_what_was_answered_and_nothing_that_was_refused(bill: Bill) -> None:
    whole = [entry for name, entry in bill.recorded.entries.items() if name != bill.left.identifier]
    cost = sum((usage.cost for usage in bill.answers.values()), Decimal(0))

    assert all(400 <= status < 500 for status in bill.refused.values()), bill.refused
    assert len(whole) == len(bill.answers), bill.recorded.entries
    assert abs(sum((entry.spend for entry in whole), Decimal(0)) - cost) < DUST
    assert bill.recorded.agrees, (bill.recorded.team, bill.recorded.key, bill.recorded.logged)


def test_a_stream_that_is_left_costs_what_had_been_sent_and_no_more_than_the_whole_answer(bill: Bill) -> None:
    """Its usage never came, so that LiteLLM counts by a tokenizer of its own: no two counts agree to the token."""
    assert bill.left.identifier in bill.recorded.entries, "nothing is charged for a stream that is left"
    entry = bill.recorded.entries[bill.left.identifier]
    print(f"left after {bill.left.words} words: {usage_recorded(entry)}, the whole is {bill.left.whole}")

    assert entry.prompt_tokens > 0
    assert entry.completion_tokens >= bill.left.words
    assert abs(entry.spend - usage_recorded(entry).cost) < DUST
    assert entry.spend < bill.left.whole.cost
