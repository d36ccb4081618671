"""What a running platform holds of its tenants, as plain values that reports can show."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class KeyState(StrEnum):
    """What a tenant's key is good for."""

    WORKS = "works"
    BLOCKED = "blocked"
    MISSING = "missing"


class Standing(StrEnum):
    """Where a tenant stands between the stack file and the gateway."""

    LISTED = "listed"
    """In the stack file, and deployed."""
    NOT_DEPLOYED = "not deployed"
    """In the stack file, and not yet deployed."""
    TO_BE_REMOVED = "to be removed"
    """No longer in the stack file; the next update blocks it."""
    REMOVED = "removed"
    """Blocked; its spend is kept."""


@dataclass(frozen=True)
class Account:
    """A tenant's account at the gateway.

    Attributes:
        name: The tenant's name.
        standing: Where it stands between the stack file and the gateway.
        key: What its key is good for.
        models: The models that its key may call.
        routes: What of the gateway its key opens, as a stack file calls it.
        metadata: What its record says that its team holds, as the gateway has it; of what others added, nothing.
        budget_usd: US dollars that may be spent in one period; None where there is no limit.
        budget_period: How long a period lasts, as `30d`.
        spent_usd: US dollars spent in the running period.
        resets_at: When the running period ends.
        requests_per_minute: Requests in a minute at most.
        tokens_per_minute: Tokens in a minute at most.
        drift: What was changed at the gateway and is otherwise than deployed, one sentence each.
        pending: What the stack file says otherwise than what is deployed, one sentence each.
        strange_keys: How many keys of its team were made by hand.
    """

    name: str
    standing: Standing
    key: KeyState
    models: tuple[str, ...]
    routes: tuple[str, ...]
    metadata: Mapping[str, str]
    budget_usd: float | None
    budget_period: str | None
    spent_usd: float
    resets_at: datetime.datetime | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    drift: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    strange_keys: int = 0

    @property
    def left_usd(self) -> float | None:
        """US dollars that may still be spent in the running period; never below 0."""
        return None if self.budget_usd is None else max(self.budget_usd - self.spent_usd, 0.0)


@dataclass(frozen=True)
class Usage:
    """What one tenant spent on one model in one day (UTC); tokens as the gateway counted them."""

    tenant: str
    day: datetime.date
    model: str
    requests: int
    failed_requests: int
    prompt_tokens: int
    completion_tokens: int
    spent_usd: float

    @property
    def answered_requests(self) -> int:
        """Those that did not fail."""
        return self.requests - self.failed_requests
