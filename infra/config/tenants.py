"""`bulkhead:tenants`: who uses the platform, and how much."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Field, StringConstraints, Tag

from infra.config.base import Name, StackFilePart

Period = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}[smhd]$")]
"""A duration as LiteLLM reads it: seconds, minutes, hours or days, as `30d`."""

Devices = Annotated[int, Field(ge=0, le=100_000)]


def _form_of_quota(value: object) -> str:
    return "map" if isinstance(value, Mapping) else "number"


GpuQuota = Annotated[
    Annotated[Devices, Tag("number")] | Annotated[dict[Name, Devices], Tag("map")], Discriminator(_form_of_quota)
]
"""Devices by pool, or a plain number; told apart by form, so that a fault is reported for the form that was meant."""


class Budget(StackFilePart):
    """What a tenant may spend in a period, at the models' prices."""

    usd: float = Field(gt=0, le=1_000_000_000, examples=[500])
    """US dollars that may be spent in one period."""
    period: Period = "30d"
    """How long a period lasts, as `30d`; spend starts again from zero after it."""


class RateLimit(StackFilePart):
    """How fast a tenant may call."""

    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000_000)
    """Requests in a minute at most."""
    tokens_per_minute: int = Field(default=200_000, ge=1, le=1_000_000_000_000)
    """Prompt and generated tokens in a minute at most."""


class Tenant(StackFilePart):
    """A team that shares the platform."""

    name: Name = Field(examples=["research"])
    """The tenant's name; part of the names of its team, queue and, in higher tiers, namespace."""
    models: tuple[Name, ...] = Field(min_length=1, examples=[["llama-8b"]])
    """The models that its key may call."""
    budget: Budget = Field(examples=[{"usd": 500, "period": "30d"}])
    """What it may spend."""
    rate_limit: RateLimit = RateLimit()
    """How fast it may call."""
    gpu_quota: GpuQuota = Field(default=0, examples=[{"l4": 4}])
    """GPU devices guaranteed to its own jobs: a map of pool to devices, or a number where there is one GPU pool."""
    sensitive: bool = False
    """Whether its data must not meet another tenant's on one GPU: it then needs a dedicated pool or MIG of its own."""
