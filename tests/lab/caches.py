"""What a tenant can try on the prefix caches, and what the engines say has come of it.

A hit is read from the engine's own counter and never judged by time: on a busy machine a hit can take longer than a
miss. Prompts are made up for each question, so that nothing but the question itself can have left them in a cache.
"""

import random
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
"""Every path on which the lab's model works; it computes no embeddings."""
EMBEDDINGS = "embeddings"
"""The surface of a model that embeds, which answers on no other."""
_EVERY_SURFACE = {**SURFACES, EMBEDDINGS: Surface("/v1/embeddings", lambda prompt: {"input": prompt})}

OVERRIDES: Mapping[str, Callable[[str], Body]] = {
    "at the top": lambda salt: {"cache_salt": salt},
    "in odd case": lambda salt: {"Cache_Salt": salt, "CACHE_SALT": salt, "cacheSalt": salt},
    "in extra_body in odd case": lambda salt: {"Extra_Body": {"cache_salt": salt}, "extraBody": {"cache_salt": salt}},
    "in metadata": lambda salt: {"metadata": {"cache_salt": salt}},
}
"""Ways to name a salt of one's own that are answered as if nothing had been named."""

REFUSED_OVERRIDES: Mapping[str, Callable[[str], Body]] = {
    "in extra_body": lambda salt: {"extra_body": {"cache_salt": salt}},
    "in extra_body in extra_body": lambda salt: {"extra_body": {"extra_body": {"cache_salt": salt}}},
    "at the top and in extra_body": lambda salt: {"cache_salt": salt, "extra_body": {"cache_salt": salt}},
    "in odd case in extra_body": lambda salt: {"extra_body": {"Cache_Salt": salt, "cache-salt": salt}},
    "in fallbacks": lambda salt: {"fallbacks": [{"model": MODEL, "cache_salt": salt}]},
    "in extra_headers": lambda salt: {"extra_headers": {"cache_salt": salt}},
    "in litellm_metadata": lambda salt: {"litellm_metadata": {"cache_salt": salt}},
    "in vllm_xargs": lambda salt: {"vllm_xargs": {"cache_salt": salt}},
    "as the request's id": lambda salt: {"request_id": salt},
    "as the session's id": lambda salt: {"session_id": salt},
}
"""Ways that the gateway answers with 400, since they lead past it."""

FORGED = "forged-by-the-caller"
FORGED_HEADERS: Mapping[str, str] = {
    FAIRNESS_HEADER: FORGED,
    "x-llm-d-inference-objective": FORGED,
    "x-gateway-inference-fairness-id": FORGED,
    "x-gateway-inference-objective": FORGED,
    "x-gateway-model-name": FORGED,
    "x-litellm-customer-id": FORGED,
    "x-litellm-tags": FORGED,
    "x-pass-x-gateway-inference-objective": FORGED,
}
"""By which a caller would say whose its request is and how urgent, to a picker or to LiteLLM."""


@dataclass(frozen=True)
class Answer:
    """What the gateway said."""

    status: int
    text: str


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
        return sum(self._counted(HITS, port) for name, port in self.engines.items() if engine in (None, name))

    def queries(self, engine: str | None = None) -> int:
        """Tokens that engines have looked for."""
        return sum(self._counted(QUERIES, port) for name, port in self.engines.items() if engine in (None, name))

    def found_again(self, tenant: str, surface: str, prompt: str, **more: Any) -> int:
        """Tokens of a prompt that were found again when a tenant asked it; the answer has to be one."""
        before = self.hits()
        answer = self.ask(tenant, surface, prompt, **more)
        assert answer.status == 200, answer
        return self.hits() - before

    def salt(self, tenant: str) -> str:
        """The salt of a tenant's requests, which the tenant itself never learns."""
        return derive_salt(self.salt_key, team_id(tenant), self.model)

    @staticmethod
    def _counted(pattern: re.Pattern[str], port: int) -> int:
        answer = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", timeout=SECONDS, retries=False)
        return round(sum(float(value) for value in pattern.findall(answer.data.decode())))


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
