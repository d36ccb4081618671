"""What the probe of caches needs of a running platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, order=True)
class EnginePod:
    """One pod that serves a model.

    Attributes:
        engine: The engine, by its name: all of its replicas have it in common, and no other engine's pod has it.
        name: The pod's name.
    """

    engine: str
    name: str


@dataclass(frozen=True)
class Counted:
    """What one engine has counted since its start, in tokens.

    Attributes:
        queries: That it looked for in its cache (`vllm:prefix_cache_queries`).
        hits: That it found there (`vllm:prefix_cache_hits`).
    """

    queries: int
    hits: int


@dataclass(frozen=True)
class Said:
    """How the gateway answered a prompt.

    Attributes:
        status: The HTTP status.
        prompt_tokens: The prompt's length in tokens, as the tenant is charged for it; 0 where it was not answered.
        reason: Why it was not answered, in the gateway's words; empty where it was.
    """

    status: int
    prompt_tokens: int = 0
    reason: str = ""

    @property
    def answered(self) -> bool:
        """Whether an engine worked on it."""
        return self.status == 200

    @property
    def words(self) -> str:
        """The answer in one line."""
        return "answered" if self.answered else f"answered {self.status} ({self.reason or 'without a reason'})"


class CacheDoor(Protocol):
    """The gateway as tenants reach it, and the engines' counters."""

    def ask(self, tenant: str | None, model: str, prompt: str) -> Said:
        """Put a prompt to a model with a tenant's own key; with a made-up one where it is None."""
        ...

    def counted(self, model: str) -> Mapping[EnginePod, Counted]:
        """Engine's pod → what it has counted, of every pod that serves the model."""
        ...
