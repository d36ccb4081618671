"""What a tenant can try on the prefix caches, and what the engines say has come of it.

A hit is read from the engine's own counter and never judged by time: on a busy machine a hit can take longer than a
miss. Prompts are made up for each question, so that nothing but the question itself can have left them in a cache.
"""

import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from components.gateway.hooks.fairness import FAIRNESS_HEADER
from components.gateway.hooks.salts import derive_salt
from components.tenants.reconciler.model import team_id
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab import openai_like
from tests.lab.local_stack import LocalStack
from tests.lab.platform import ENGINES, GATEWAY, MODEL

SECONDS = 120
SETTLE_SECONDS = 3
WORDS = 420
"""In a prompt; the lab's engine finds beginnings again by blocks of 128 tokens, and takes 1024."""
HITS = re.compile(r"^vllm:prefix_cache_hits_total\{[^}]*\} (\S+)$", re.MULTILINE)
QUERIES = re.compile(r"^vllm:prefix_cache_queries_total\{[^}]*\} (\S+)$", re.MULTILINE)

Body = dict[str, Any]


@dataclass(frozen=True)
class Surface:
    """One way to put a prompt to a model."""

    path: str
    body: Callable[[str], Body]


def _messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _naming_a_medium(name: str) -> list[Body]:
    """What asks about an image without sending it: by the name that somebody else has given it."""
    return [{"role": "user", "content": [{"type": "image_url", "image_url": None, "uuid": name}]}]


SURFACES: Mapping[str, Surface] = {
    "chat": Surface("/v1/chat/completions", lambda prompt: {"messages": _messages(prompt), "max_tokens": 2}),
    "chat stream": Surface(
        "/v1/chat/completions", lambda prompt: {"messages": _messages(prompt), "max_tokens": 2, "stream": True}
    ),
    "completions": Surface("/v1/completions", lambda prompt: {"prompt": prompt, "max_tokens": 2}),
    "completions stream": Surface(
        "/v1/completions", lambda prompt: {"prompt": prompt, "max_tokens": 2, "stream": True}
    ),
    "responses": Surface("/v1/responses", lambda prompt: {"input": prompt, "max_output_tokens": 2}),
    "responses stream": Surface(
        "/v1/responses", lambda prompt: {"input": prompt, "max_output_tokens": 2, "stream": True}
    ),
    "messages": Surface("/v1/messages", lambda prompt: {"messages": _messages(prompt), "max_tokens": 2}),
    "messages stream": Surface(
        "/v1/messages", lambda prompt: {"messages": _messages(prompt), "max_tokens": 2, "stream": True}
    ),
}
"""Every path on which the lab's model works, whole answers and streams; it computes no embeddings."""
EMBEDDINGS = "embeddings"
"""The surface of a model that embeds, which answers on no other."""
_EVERY_SURFACE = {**SURFACES, EMBEDDINGS: Surface("/v1/embeddings", lambda prompt: {"input": prompt})}

OVERRIDES: Mapping[str, Callable[[str], Body]] = {
    "at the top": lambda salt: {"cache_salt": salt},
    "in odd case": lambda salt: {"Cache_Salt": salt, "CACHE_SALT": salt, "cacheSalt": salt},
    "in extra_body in odd case": lambda salt: {"Extra_Body": {"cache_salt": salt}, "extraBody": {"cache_salt": salt}},
    "in fallbacks in odd case": lambda salt: {"Fallbacks": [{"model": MODEL, "cache_salt": salt}]},
    "in metadata": lambda salt: {"metadata": {"cache_salt": salt}},
}
"""Ways to name a salt of one's own that are answered as if nothing had been named."""

HEEDED = ("at the top",)
"""Those of them that an engine reads: whoever is not hindered looks by them into any cache."""
DROPPED_BY_LITELLM = ("responses", "responses stream")
"""Surfaces on which none of them gets as far as that: what LiteLLM does not know of a request it leaves out there, and
passes it on everywhere else (seen on LiteLLM 1.106.2)."""

REFUSED_OVERRIDES: Mapping[str, Callable[[str], Body]] = {
    "in extra_body": lambda salt: {"extra_body": {"cache_salt": salt}},
    "in extra_body in extra_body": lambda salt: {"extra_body": {"extra_body": {"cache_salt": salt}}},
    "at the top and in extra_body": lambda salt: {"cache_salt": salt, "extra_body": {"cache_salt": salt}},
    "in odd case in extra_body": lambda salt: {"extra_body": {"Cache_Salt": salt, "cache-salt": salt}},
    "in fallbacks": lambda salt: {"fallbacks": [{"model": MODEL, "cache_salt": salt}]},
    "in extra_headers": lambda salt: {"extra_headers": {"cache_salt": salt}},
    "in headers": lambda salt: {"headers": {"cache_salt": salt}},
    "in litellm_metadata": lambda salt: {"litellm_metadata": {"cache_salt": salt}},
    "in vllm_xargs": lambda salt: {"vllm_xargs": {"cache_salt": salt}},
    "as the request's id": lambda salt: {"request_id": salt},
    "as the session's id": lambda salt: {"session_id": salt},
    "as a medium's name": lambda name: {place: _naming_a_medium(name) for place in ("messages", "input")},
}
"""Ways that the gateway answers with 400, in every tier, since they lead past it."""
REFUSAL = "is one that only the platform sets"
"""What it says then, and no engine does: an engine would refuse some of them as well."""

FORGED = "forged-by-the-caller"
FORGED_HEADERS: Mapping[str, str] = {
    FAIRNESS_HEADER: FORGED,
    "x-llm-d-inference-objective": FORGED,
    "x-gateway-inference-fairness-id": FORGED,
    "x-gateway-inference-objective": FORGED,
    "x-gateway-model-name": FORGED,
    "x-cache-salt": FORGED,
    "x-litellm-customer-id": FORGED,
    "x-litellm-tags": FORGED,
    "x-pass-cache-salt": FORGED,
    "x-pass-x-gateway-inference-objective": FORGED,
}
"""By which a caller would say whose its request is and how urgent, to a picker, to LiteLLM or to an engine."""


@dataclass(frozen=True)
class Answer:
    """What the gateway said."""

    status: int
    text: str


@dataclass(frozen=True)
class Counts:
    """Tokens that engines have looked for since their start, and those of them that they have found again."""

    queries: int
    hits: int


@dataclass(frozen=True)
class Caches:
    """The gateway as tenants call it, and its engines' counters.

    Attributes:
        gateway: A port of this machine that leads to the gateway.
        engines: Ports of this machine that lead to each Deployment of engines.
        keys: Tenant → its virtual key.
        salt_key: What salts are made from; empty where the platform has none.
        model: Whom the tenants ask.
    """

    gateway: int
    engines: Mapping[str, int]
    keys: Mapping[str, str]
    salt_key: bytes
    model: str = MODEL

    def ask(self, tenant: str, surface: str, prompt: str, **more: Any) -> Answer:
        """Put a prompt to the model as a tenant."""
        way = _EVERY_SURFACE[surface]
        body = {"model": self.model, **way.body(prompt), **more}
        return self.send(self.keys[tenant], way.path, body)

    def send(self, key: str, path: str, body: Body, headers: Mapping[str, str] | None = None) -> Answer:
        """One request with a key, and with headers of the caller's beside."""
        answer = openai_like.answer(self.gateway, key, "POST", path, body, headers=headers)
        return Answer(answer.status, answer.data.decode())

    def hits(self, engine: str | None = None) -> int:
        """Tokens that engines have found again, those of one Deployment or of all."""
        return self._counts(engine).hits

    def queries(self, engine: str | None = None) -> int:
        """Tokens that engines have looked for."""
        return self._counts(engine).queries

    def found_again(self, tenant: str, surface: str, prompt: str, **more: Any) -> int:
        """Tokens of a prompt that were found again when a tenant asked it; the answer has to be one."""
        before = self._counts()
        answer = self.ask(tenant, surface, prompt, **more)
        assert answer.status == 200, answer
        return self._once_counted(before).hits - before.hits

    def assert_refused(self, tenant: str, surface: str, **more: Any) -> None:
        """The gateway itself refuses a question with these parameters, and no engine is asked."""
        before = self._counts()
        answer = self.ask(tenant, surface, "hello", **more)
        assert answer.status == 400
        assert REFUSAL in answer.text
        assert self._counts() == before

    def salt(self, tenant: str) -> str:
        """The salt of a tenant's requests, which the tenant itself never learns."""
        return derive_salt(self.salt_key, team_id(tenant), self.model)

    def _once_counted(self, before: Counts) -> Counts:
        """The counts with a question in them that was answered: an engine may count it a moment later."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (now := self._counts()).queries == before.queries and time.monotonic() < deadline:
            time.sleep(0.05)
        return now

    def _counts(self, engine: str | None = None) -> Counts:
        texts = [_metrics(port) for name, port in self.engines.items() if engine in (None, name)]
        return Counts(*(sum(_sum(pattern, text) for text in texts) for pattern in (QUERIES, HITS)))


def _metrics(port: int) -> str:
    answer = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", timeout=SECONDS, retries=False)
    return answer.data.decode()


def _sum(pattern: re.Pattern[str], text: str) -> int:
    return round(sum(float(value) for value in pattern.findall(text)))


def prompt() -> str:
    """A prompt that nobody has asked yet, from its first word on."""
    return " ".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=WORDS))  # noqa: S311 - no secret


@contextmanager
def watching(stack: LocalStack, access: ClusterAccess, model: str = MODEL) -> Generator[Caches]:
    """The gateway and its engines behind ports of this machine; `model` is asked."""
    services = [
        item["metadata"]["name"]
        for item in access.objects("services", "--namespace", ENGINES, "--selector=app.kubernetes.io/name=engine")
    ]
    data = access.objects("secrets", "--namespace", GATEWAY, "--field-selector=metadata.name=gateway")[0]["data"]
    key = access.secret_value(GATEWAY, "gateway", "cache-salt-key").encode() if "cache-salt-key" in data else b""
    with ExitStack() as forwarded:
        gateway = forwarded.enter_context(access.forwarded_port(GATEWAY, "gateway", 4000))
        ports = {name: forwarded.enter_context(access.forwarded_port(ENGINES, name, 8000)) for name in services}
        yield Caches(gateway, ports, stack.engine.outputs(show_secrets=True)["tenant_keys"], key, model)


def audited_caches(stack: LocalStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `bulkhead audit` says of the caches of a stack, as a JSON document."""
    program = str(Path(sys.executable).parent / "bulkhead")
    return subprocess.run(
        [program, "audit", "--stack-file", str(stack.file), "--only", "caches", "--json", *arguments],
        env=stack.engine.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
