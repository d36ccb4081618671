"""What a tenant is charged: on every path, plain and streamed, what PostgreSQL records is what the answer itself says.

Where the caller does not hear that, since it has left or has not asked, the engine's count of the prompt is recorded
all the same. That of the answer is known where the engine can be told how long it is to be, on chat and completions; of
responses and messages a text in its middle and one at its end cannot be told apart here.

All is asked with one key that nobody else has, so that whatever is recorded of it was asked here.
"""

import json
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest

from lab import cluster
from lab.cluster.network import INSIDE
from tests.lab import openai_like
from tests.lab.accounts import account
from tests.lab.caches import SURFACES, watching
from tests.lab.faults import wait_until
from tests.lab.ledger import DUST, PRICE, Balance, Entry, Ledger
from tests.lab.load import service_url
from tests.lab.platform import MODEL, TeamPlatform

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

CHAT = "/v1/chat/completions"
TELL_USAGE_WHEN_ASKED = {CHAT, "/v1/completions"}
"""Where a stream ends with its usage only if the caller wants it; the others always tell it."""
TOO_LONG = "word " * 3000
LENGTHS = {name: length for length, name in enumerate(SURFACES, start=1)}
"""How long each surface's question is, so that an entry of the spend log tells by its tokens whose it is."""
LEFT_AFTER = 5
"""Pieces of text."""

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
class Unheard:
    """A stream whose usage its caller does not hear.

    Attributes:
        surface: Where the same is asked plainly, so that the prompt's tokens are known.
        tokens: In the answer, other than those of any other answer; where the engine can be told, whatever it says.
        pieces: Of text, after which its caller leaves: 0 once an engine has the question, whatever has come; None stays
            until the end.
    """

    surface: str
    tokens: int
    pieces: int | None


UNHEARD = {
    "chat left in its middle": Unheard("chat", 900, LEFT_AFTER),
    "chat left at once": Unheard("chat", 880, 0),
    "completions left in its middle": Unheard("completions", 890, LEFT_AFTER),
    "completions left at once": Unheard("completions", 870, 0),
    "responses left in its middle": Unheard("responses", 860, LEFT_AFTER),
    "messages left in its middle": Unheard("messages", 850, LEFT_AFTER),
    "completions without a usage": Unheard("completions", 5, None),
}
"""Seconds of the lab's model, and about as many tokens as its context has room for beside a short question."""
IGNORE_END = {"chat", "completions"}
"""Where an answer goes on to its last token though its text has come to an end, so that its tokens are known."""


@dataclass(frozen=True)
class Bill:
    """What was asked with a key, and what is recorded of it.

    Attributes:
        answers: Surface → the usage that its answer told.
        refused: Surface → the status of a request that no model could answer.
        events: The events of the one that was heard to its end without its usage.
        recorded: What the database holds.
    """

    answers: Mapping[str, Usage]
    refused: Mapping[str, int]
    events: Sequence[Document]
    recorded: Balance

    def of(self, stream: Unheard) -> list[Entry]:
        """What is recorded of a stream that did not tell: with the engine's count of its prompt, and not heard."""
        heard = self.answers[stream.surface]
        least = stream.tokens if stream.surface in IGNORE_END else LEFT_AFTER
        return [
            entry
            for entry in self.recorded.entries.values()
            if entry.prompt_tokens == heard.prompt_tokens
            and least <= entry.completion_tokens <= stream.tokens
            and usage_recorded(entry) != heard
        ]


@pytest.fixture(scope="module")
def bill(team: TeamPlatform, kubectl: cluster.Kubectl) -> Generator[Bill]:
    with account(team) as made:
        base = service_url(kubectl)
        with watching(team.stack, team.access) as caches:
            answers = {name: asked(caches.gateway, made.key, name) for name in SURFACES}
            refused = {
                name: refusal(caches.gateway, made.key, name) for name in SURFACES if not name.endswith("stream")
            }
            heard = {name: listen(base, made.key, stream, caches.queries) for name, stream in UNHEARD.items()}
        recorded = Ledger(kubectl, made.key).holding(len(answers) + len(UNHEARD))
        yield Bill(answers, refused, heard["completions without a usage"], recorded)


def question(length: int) -> str:
    """A prompt of its own for each length."""
    return "Is it so? " * length


def asked(port: int, key: str, name: str) -> Usage:
    """Ask on one surface, and read the answer's usage."""
    surface = SURFACES[name]
    body = {"model": MODEL, **surface.body(question(LENGTHS[name]))}
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


def listen(base: str, key: str, stream: Unheard, prompts: Callable[[], int]) -> list[Document]:
    """Ask for a stream as `curl` does, and end the client once some pieces of text have come.

    Args:
        base: The gateway's address; the client is in the lab's network, so that nothing stands between the two.
        key: The key, which no list of processes shows.
        stream: What to ask, and when to leave.
        prompts: Counts the tokens that engines have been asked. A request whose caller has left before the gateway has
            read it is asked of none, and costs nothing.

    Returns:
        The events that came.
    """
    surface = SURFACES[stream.surface]
    body = {"model": MODEL, **surface.body(question(LENGTHS[stream.surface])), "stream": True}
    if stream.surface in IGNORE_END:
        body["ignore_eos"] = True
    body["max_output_tokens" if "max_output_tokens" in body else "max_tokens"] = stream.tokens
    settings = (
        f'url = "{base}{surface.path}"\nheader = "Authorization: Bearer {key}"\n'
        f'header = "Content-Type: application/json"\ndata = {json.dumps(json.dumps(body))}\n'
    )
    before = prompts()
    command = [*INSIDE, "curl", "--silent", "--no-buffer", "--max-time", "120", "--config", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(settings)
        client.stdin.close()
        try:
            if stream.pieces == 0:
                wait_until(lambda: prompts() > before, "an engine has the question")
                return []
            events = (json.loads(line.removeprefix("data:")) for line in client.stdout if line.startswith("data: {"))
            if stream.pieces is None:
                return list(events)
            said = list(islice((event for event in events if has_text(event)), stream.pieces))
        finally:
            client.kill()
    assert len(said) == stream.pieces, said
    return said


def has_text(event: Document) -> bool:
    """Whether an event brings text, on any path."""
    delta = event.get("delta")
    if delta is not None:
        return bool(delta if isinstance(delta, str) else delta.get("text"))
    choices = event.get("choices") or ()
    return any(choice.get("text") or choice.get("delta", {}).get("content") for choice in choices)


@pytest.mark.parametrize("surface", SURFACES)
def test_an_answer_is_recorded_once_with_its_own_usage_and_at_the_models_price(bill: Bill, surface: str) -> None:
    usage = bill.answers[surface]
    found = [entry for entry in bill.recorded.entries.values() if usage_recorded(entry) == usage]

    assert min(usage.prompt_tokens, usage.completion_tokens) > 0
    assert len(found) == 1, (usage, bill.recorded.entries)
    assert abs(found[0].spend - usage.cost) < DUST


@pytest.mark.parametrize("name", UNHEARD)
def test_a_stream_is_charged_with_the_engines_count_of_its_prompt_though_its_caller_has_left_or_not_asked(
    bill: Bill, name: str
) -> None:
    """On chat and completions with that of the whole answer, too. LiteLLM's own estimates know neither."""
    found = bill.of(UNHEARD[name])

    assert len(found) == 1, (UNHEARD[name], bill.answers, bill.recorded.entries)
    assert abs(found[0].spend - usage_recorded(found[0]).cost) < DUST


def test_a_usage_that_was_not_asked_for_is_not_told(bill: Bill) -> None:
    assert sum(map(has_text, bill.events)) >= 1
    assert not any(usages(event) for event in bill.events), bill.events


def test_the_sums_are_what_was_asked_and_nothing_that_was_refused(bill: Bill) -> None:
    told = sum((usage.cost for usage in bill.answers.values()), Decimal(0))
    untold = sum((entry.spend for stream in UNHEARD.values() for entry in bill.of(stream)), Decimal(0))

    assert all(400 <= status < 500 for status in bill.refused.values()), bill.refused
    assert len(bill.recorded.entries) == len(bill.answers) + len(UNHEARD), bill.recorded.entries
    assert abs(bill.recorded.logged - told - untold) < DUST
    assert bill.recorded.agrees, (bill.recorded.team, bill.recorded.key, bill.recorded.logged)
