"""What the gateway's hooks add to a request in its process, without a cluster.

    python -m benchmarks.hook

First the whole of it: the layer around LiteLLM reads and judges the body, keys and headers, the callback salts,
chooses, verifies and signs, and the layer passes the answer on, once whole and once as a stream. In LiteLLM's place
stands something that calls the callback as LiteLLM does and answers at once. Then the judgements of the isolation by
themselves. What the rest of the gateway costs says `gateway.py`.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from components.gateway.hooks.answers import Message, Receive, Scope, Send, TenantAnswers
from components.gateway.hooks.callback import make_callback
from components.gateway.hooks.isolation import Domains, Engine, Isolation
from components.gateway.hooks.parameters import PlatformParameters
from components.gateway.hooks.presence import Presences
from components.gateway.hooks.startup import wrap

MODELS = 20
TENANTS = 50
REQUESTS = 5_000
WORDS = 2_000
EVENTS = 100
"""Of a stream."""
STREAM_SECONDS = 550.0
GOAL_MILLISECONDS = 1.0
KEY = b"a key of the benchmark's own, which nobody uses"
PATH = "/v1/chat/completions"
CALL = "acompletion"
ASKED: Sequence[tuple[str, int]] = (("salted-0", 1), ("own-0", TENANTS))
"""A model of each kind, and behind how many addresses its engines are."""

Header = tuple[bytes, bytes]
HEADERS: Sequence[Header] = (
    (b"authorization", b"Bearer sk-0123456789abcdef0123456789abcdef"),
    (b"content-type", b"application/json"),
    (b"accept-encoding", b"gzip"),
    (b"x-request-start", b"0"),
)
TOKEN = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
WHOLE: Sequence[bytes] = (json.dumps({"choices": [{"message": {"content": "word " * EVENTS}}]}).encode(),)
STREAM: Sequence[bytes] = (TOKEN,) * EVENTS
ANSWERS: Mapping[str, tuple[bytes, Sequence[bytes]]] = {
    "a whole answer": (b"application/json", WHOLE),
    f"a stream of {EVENTS} events": (b"text/event-stream", STREAM),
}
"""What is answered → its content type, and its pieces."""


def domains() -> Domains:
    """Models of which half are salted, and half have engines of each tenant's own."""
    salted = {f"http://engine-salted-{index}:8000/v1": Engine(f"salted-{index}", None) for index in range(MODELS)}
    own = {
        f"http://engine-own-{index}-{tenant}:8000/v1": Engine(f"own-{index}", f"bulkhead-tenant-{tenant}")
        for index in range(MODELS)
        for tenant in range(TENANTS)
    }
    engines = {**salted, **own}
    return Domains(engines, frozenset(engine.model for engine in engines.values()))


def deployments_of(known: Domains, model: str) -> list[dict[str, Any]]:
    """A model's engines as LiteLLM knows them."""
    addresses = [address for address, engine in known.engines.items() if engine.model == model]
    return [{"litellm_params": {"api_base": address}} for address in addresses]


def request_for(model: str) -> dict[str, Any]:
    """A request whose caller names a salt."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": "word " * WORDS}],
        "cache_salt": "a caller's",
        "top_k": 5,
    }


# --- the whole of it --------------------------------------------------------------------------------------------


@dataclass
class InLiteLLMsPlace:
    """Calls the callback as LiteLLM does, and answers at once.

    Attributes:
        callback: What judges.
        deployments: The engines of the model that is asked.
        kind: The answer's content type.
        pieces: The answer.
        tenant: Whose key the next request bears.
        request: The next request's document, which LiteLLM reads by itself.
        sent: What was sent to an engine last.
    """

    callback: Any
    deployments: list[dict[str, Any]]
    kind: bytes
    pieces: Sequence[bytes]
    tenant: str = ""
    request: dict[str, Any] | None = None
    sent: dict[str, Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await receive()
        assert self.request is not None  # noqa: S101 - set for each request
        key = SimpleNamespace(team_id=self.tenant)
        request = await self.callback.async_pre_call_hook(key, None, self.request, CALL)
        (chosen,) = await self.callback.async_filter_deployments(request["model"], self.deployments, None)
        sent = {**request, "api_base": chosen["litellm_params"]["api_base"]}
        self.sent = await self.callback.async_pre_call_deployment_hook(sent, None)
        headers = [(b"content-type", self.kind), (b"x-litellm-call-id", b"1"), (b"x-litellm-model-id", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def layers_around(inner: InLiteLLMsPlace) -> TenantAnswers:
    """The layers as they are put around LiteLLM."""
    presences = Presences(STREAM_SECONDS)
    application = SimpleNamespace(middleware_stack=inner)
    return wrap(application, PlatformParameters(()), presences, lambda _: False, lambda: True)


async def one_request(layers: TenantAnswers, content: bytes) -> tuple[float, list[Message]]:
    """Milliseconds of CPU time from a request's arrival to its answer's end, and the answer."""
    answer: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        answer.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": list(HEADERS)}
    begun = time.thread_time()
    await layers(scope, receive, send)
    return (time.thread_time() - begun) * 1000, answer


async def through_the_hooks(isolation: Isolation, known: Domains, model: str, answered: str) -> list[float]:
    """What one request takes in all of the hooks, for each of many.

    Raises:
        RuntimeError: One was not answered, so that its figure would be that of a refusal.
    """
    callback = make_callback(object, isolation, lambda _, reason: RuntimeError(reason))
    inner = InLiteLLMsPlace(callback, deployments_of(known, model), *ANSWERS[answered])
    layers, content = layers_around(inner), json.dumps(request_for(model)).encode()
    found: list[float] = []
    for number in range(REQUESTS):
        inner.tenant, inner.request = f"bulkhead-tenant-{number % TENANTS}", request_for(model)
        milliseconds, answer = await one_request(layers, content)
        if answer[0]["status"] != 200:
            raise RuntimeError(f"a request was answered {answer[0]['status']}")
        found.append(milliseconds)
    return found


# --- the judgements by themselves -------------------------------------------------------------------------------


def judgements(isolation: Isolation, known: Domains, model: str) -> list[float]:
    """CPU time that all judgements of one request take, for each of many; they wait for nothing."""
    deployments = deployments_of(known, model)
    found: list[float] = []
    for number in range(REQUESTS):
        request = {**request_for(model), "extra_body": {"top_k": 5, "extra_body": {"cache_salt": "a caller's"}}}
        begun = time.thread_time()
        isolation.begin(f"bulkhead-tenant-{number % TENANTS}", CALL, request)
        (chosen,) = isolation.choose(deployments)
        sent = {**request, "api_base": chosen["litellm_params"]["api_base"]}
        isolation.verify(sent)
        isolation.sign(sent)
        found.append((time.thread_time() - begun) * 1000)
    return found


def line(name: str, found: Sequence[float]) -> str:
    """The median and the 99th percentile, and whether the goal is met."""
    middle, slow = statistics.median(found), statistics.quantiles(found, n=100)[98]
    verdict = "within" if slow < GOAL_MILLISECONDS else "beyond"
    return f"{name}: p50 {middle:.3f} ms, p99 {slow:.3f} ms; {verdict} {GOAL_MILLISECONDS} ms"


def main() -> None:
    """Print a line for both kinds of models, by what is measured of them."""
    known = domains()
    isolation = Isolation(known, KEY)
    for model, engines in ASKED:
        for answered in ANSWERS:
            found = asyncio.run(through_the_hooks(isolation, known, model, answered))
            print(line(f"{model}, {engines} deployments, all of the hooks, {answered}", found), flush=True)
        found = judgements(isolation, known, model)
        print(line(f"{model}, {engines} deployments, the judgements alone", found), flush=True)


if __name__ == "__main__":
    main()
