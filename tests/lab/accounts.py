"""Teams and keys that a test makes for itself at the running gateway, beside those of the stack's tenants."""

import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.blueprint.routes import KEY_PATHS
from tests.lab import openai_like
from tests.lab.platform import MODEL, TeamPlatform

SECONDS = 60
OPEN_LIMITS: dict[str, Any] = {
    "budget_duration": "30d",
    "max_budget": 1.0,
    "rpm_limit": 10_000,
    "tpm_limit": 10_000_000,
}


@dataclass(frozen=True)
class Account:
    """A team and its one key, which opens what a tenant's does."""

    team: str
    key: str


@contextmanager
def account(
    platform: TeamPlatform, models: Sequence[str] = (MODEL,), routes: Sequence[str] = KEY_PATHS, **limits: float | str
) -> Generator[Account]:
    """An account for these models and paths, with these limits (LiteLLM's fields of a team).

    The reconciler leaves it alone. It is blocked afterwards.
    """
    made = Account(f"test-{uuid.uuid4().hex[:12]}", f"sk-{uuid.uuid4().hex}{uuid.uuid4().hex}")
    fields = {**OPEN_LIMITS, **limits}
    administer(platform, "/team/new", {"team_id": made.team, "team_alias": made.team, "models": list(models), **fields})
    grant = {"team_id": made.team, "models": list(models), "allowed_routes": list(routes)}
    administer(platform, "/key/generate", {"key": made.key, **grant})
    try:
        yield made
    finally:
        administer(platform, "/team/update", {"team_id": made.team, "blocked": True})


def administer(platform: TeamPlatform, path: str, body: dict[str, Any]) -> None:
    """One write at the gateway's admin port.

    Raises:
        AssertionError: When it is refused; says the status, and nothing of the keys.
    """
    with platform.admin() as port:
        answer = openai_like.answer(port, platform.master_key, "POST", path, body, seconds=SECONDS)
    assert answer.status < 300, f"{path} was answered {answer.status}"
