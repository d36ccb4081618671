"""The process that sends the load: the unmodified `openai` client, run inside the lab's network by `tests.lab.load`.

Standard input carries one line of JSON, an `Order`, and stays open for as long as new requests shall be sent. Standard
output carries one line of JSON, an `Outcome`, for each request that has ended, however it ended.
"""

import asyncio
import json
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

PAUSE_AFTER_FAILURE_SECONDS = 0.25
"""A client that is refused at once must not become a busy loop."""
MESSAGE_LENGTH = 300


class Kind(StrEnum):
    """How an answer is asked for."""

    PLAIN = "plain"
    STREAM = "stream"


class Ending(StrEnum):
    """How a request ended."""

    COMPLETE = "complete"
    """The whole answer came, with its finish reason and its usage."""
    REFUSED = "refused"
    """The gateway answered with an error, before or after the first token."""
    LOST = "lost"
    """No answer and no error: the connection broke, the stream stopped short of its end, or time ran out."""


@dataclass(frozen=True)
class Question:
    """A prompt and how many tokens its answer may have, at temperature zero."""

    prompt: str
    max_tokens: int


QUESTIONS = tuple(Question("Is it so? " * length, 4 + length) for length in range(1, 9))
"""Each has a length of its own, in prompt and answer, so that an answer to another question shows."""


@dataclass(frozen=True)
class Order:
    """What is to be sent, and the bounds that end it whatever happens.

    Attributes:
        base_url: The gateway's, without `/v1`.
        key: The tenant's virtual key; it comes by standard input, never by arguments.
        model: The model's name at the gateway.
        concurrency: Requests under way at once.
        kinds: How each worker asks, in turn.
        questions: What each worker asks, in turn.
        requests: The most requests altogether.
        seconds: The longest time in which new requests are begun.
        request_seconds: The longest that one may take.
        pause_seconds: Between one request of a worker and its next.
        retries: How often the client tries again by itself; its own default is 2, and 0 shows every failure.
        ignore_end: Whether answers go on past the model's end token up to their `max_tokens`: long streams.
        kept_connections: Whether a connection serves more than one request.
    """

    base_url: str
    key: str = field(repr=False)
    model: str
    concurrency: int = 4
    kinds: tuple[Kind, ...] = (Kind.STREAM, Kind.PLAIN)
    questions: tuple[Question, ...] = QUESTIONS
    requests: int = 5000
    seconds: float = 300.0
    request_seconds: float = 60.0
    pause_seconds: float = 0.1
    retries: int = 0
    ignore_end: bool = False
    kept_connections: bool = True


@dataclass(frozen=True)
class Outcome:
    """One request.

    Attributes:
        kind: How it was asked.
        question: The index of its question.
        began: Unix time.
        seconds: Until it ended.
        first_token_seconds: Until the first token of a stream came.
        ending: How it ended.
        status: The HTTP status; 0 where none came.
        text: The answer, as far as it came.
        finish_reason: Why the engine stopped.
        prompt_tokens: As the gateway counted them.
        completion_tokens: As the gateway counted them.
        identifier: The answer's id, which is the request's id in the gateway's spend log.
        message: What the error said.
    """

    kind: Kind
    question: int
    began: float
    seconds: float
    first_token_seconds: float | None = None
    ending: Ending = Ending.LOST
    status: int = 0
    text: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    identifier: str = ""
    message: str = ""


def order_from(line: str) -> Order:
    """Read an order back from JSON."""
    document: dict[str, Any] = json.loads(line)
    document["kinds"] = tuple(Kind(kind) for kind in document["kinds"])
    document["questions"] = tuple(Question(**question) for question in document["questions"])
    return Order(**document)


def outcome_from(line: str) -> Outcome:
    """Read an outcome back from JSON."""
    document: dict[str, Any] = json.loads(line)
    document["kind"] = Kind(document["kind"])
    document["ending"] = Ending(document["ending"])
    return Outcome(**document)


class _Answer:
    """An answer while it comes."""

    def __init__(self) -> None:
        self.began = time.time()
        self._start = time.monotonic()
        self.first_token_seconds: float | None = None
        self.text = ""
        self.finish_reason = ""
        self.identifier = ""
        self.usage: CompletionUsage | None = None

    def piece(self, text: str | None) -> None:
        if text and self.first_token_seconds is None:
            self.first_token_seconds = time.monotonic() - self._start
        self.text += text or ""

    @property
    def whole(self) -> bool:
        return bool(self.finish_reason) and self.usage is not None

    def outcome(self, kind: Kind, question: int, ending: Ending, status: int, message: str = "") -> Outcome:
        return Outcome(
            kind=kind,
            question=question,
            began=self.began,
            seconds=time.monotonic() - self._start,
            first_token_seconds=self.first_token_seconds,
            ending=ending,
            status=status,
            text=self.text,
            finish_reason=self.finish_reason,
            prompt_tokens=self.usage.prompt_tokens if self.usage else 0,
            completion_tokens=self.usage.completion_tokens if self.usage else 0,
            identifier=self.identifier,
            message=message[:MESSAGE_LENGTH],
        )


class Sender:
    """Sends what an order says until it is told to stop or a bound is met."""

    def __init__(self, order: Order) -> None:
        limits = httpx2.Limits(
            max_connections=order.concurrency * 2,
            max_keepalive_connections=order.concurrency if order.kept_connections else 0,
        )
        self._order = order
        self._client = openai.AsyncOpenAI(
            base_url=f"{order.base_url}/v1",
            api_key=order.key,
            max_retries=order.retries,
            timeout=order.request_seconds,
            http_client=openai.DefaultAsyncHttpxClient(limits=limits, trust_env=False),
        )
        self._numbers = count()
        self._deadline = time.monotonic() + order.seconds
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Begin no further request."""
        self._stopped.set()

    async def send(self) -> None:
        """Send until the end; requests under way are waited for."""
        async with self._client:
            await asyncio.gather(*(self._work(worker) for worker in range(self._order.concurrency)))

    async def _work(self, worker: int) -> None:
        for turn in count(worker):
            if not self._may_go_on():
                return
            kind = self._order.kinds[turn % len(self._order.kinds)]
            question = (turn // len(self._order.kinds)) % len(self._order.questions)
            outcome = await self._request(kind, question)
            print(json.dumps(asdict(outcome)), flush=True)
            complete = outcome.ending is Ending.COMPLETE
            await self._pause(self._order.pause_seconds if complete else PAUSE_AFTER_FAILURE_SECONDS)

    def _may_go_on(self) -> bool:
        if self._stopped.is_set() or time.monotonic() > self._deadline:
            return False
        return next(self._numbers) < self._order.requests

    async def _pause(self, seconds: float) -> None:
        if seconds:
            try:
                await asyncio.wait_for(self._stopped.wait(), seconds)
            except TimeoutError:
                return

    async def _request(self, kind: Kind, question: int) -> Outcome:
        answer = _Answer()
        try:
            async with asyncio.timeout(self._order.request_seconds):
                await (self._stream(answer, question) if kind is Kind.STREAM else self._plain(answer, question))
        except openai.APIStatusError as error:
            return answer.outcome(kind, question, Ending.REFUSED, error.status_code, error.message)
        except openai.APIConnectionError as error:
            return answer.outcome(kind, question, Ending.LOST, 0, f"{type(error).__name__}: {error.__cause__!r}")
        except openai.APIError as error:
            # An error event inside a stream whose status was 200.
            return answer.outcome(kind, question, Ending.REFUSED, 200, error.message)
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            return answer.outcome(kind, question, Ending.LOST, 0, f"{type(error).__name__}: {error}")
        if not answer.whole:
            return answer.outcome(kind, question, Ending.LOST, 200, "the answer stopped before its end")
        return answer.outcome(kind, question, Ending.COMPLETE, 200)

    def _body(self, question: int) -> dict[str, Any]:
        asked = self._order.questions[question]
        extra = {"extra_body": {"ignore_eos": True}} if self._order.ignore_end else {}
        return {
            "model": self._order.model,
            "messages": [{"role": "user", "content": asked.prompt}],
            "max_tokens": asked.max_tokens,
            "temperature": 0,
            **extra,
        }

    async def _plain(self, answer: _Answer, question: int) -> None:
        completion = await self._client.chat.completions.create(**self._body(question), stream=False)
        answer.identifier = completion.id
        answer.text = completion.choices[0].message.content or ""
        answer.finish_reason = completion.choices[0].finish_reason or ""
        answer.usage = completion.usage

    async def _stream(self, answer: _Answer, question: int) -> None:
        body: dict[str, Any] = {**self._body(question), "stream_options": {"include_usage": True}}
        stream: openai.AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(
            **body, stream=True
        )
        async for chunk in stream:
            answer.identifier = chunk.id
            answer.usage = chunk.usage or answer.usage
            for choice in chunk.choices:
                answer.piece(choice.delta.content)
                answer.finish_reason = choice.finish_reason or answer.finish_reason


def _stop_at_end_of_input(sender: Sender, loop: asyncio.AbstractEventLoop) -> None:
    sys.stdin.read()
    # The loop may have ended by itself in the meantime.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(sender.stop)


async def main() -> None:
    """Read the order, send, and stop when standard input ends."""
    sender = Sender(order_from(sys.stdin.readline()))
    loop = asyncio.get_running_loop()
    # A daemon, since the executor's threads would keep a process that has met its bounds until standard input ends.
    threading.Thread(target=_stop_at_end_of_input, args=(sender, loop), daemon=True).start()
    await sender.send()


if __name__ == "__main__":
    asyncio.run(main())
