"""Whether a budget and a limit really stop a request, by keys that are made for it and removed again.

Two keys differ in their budget alone. One has less than the cheapest request costs: LiteLLM lets such a request through
unless it fails closed, and then refuses it by its estimate before an engine works on it. The other has enough, and is
answered; it may ask once a minute, and asks the second time at another replica, where there is one. Both end by
themselves after some minutes, whatever happens to the audit.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra.audit.budgets.attempts import CHAT, MODELS, chat
from infra.audit.budgets.door import BudgetDoor, Reply
from infra.audit.budgets.verdict import Shown
from infra.audit.errors import left_behind
from infra.audit.results import Outcome
from infra.audit.signals import deferred, uninterrupted

NEXT_TO_NOTHING_USD = 1e-10
"""Less than any request costs at any price worth writing down; LiteLLM takes a remainder below 1e-12 for none."""
ENOUGH_USD = 1.0
KEY_LIFE = "10m"
WINDOW_SECONDS = 50.0
"""Within which both requests of the limited key have to be made: LiteLLM counts by the minute."""
_BUDGET_SPENT = (429, "insufficient_quota")
_LIMIT_REACHED = (429, "rate_limit_exceeded")
NO_SHARED_ENGINE = "every engine works for one tenant alone, and keys for a trial belong to none"


@dataclass(frozen=True)
class Keys:
    """The keys of a trial.

    Attributes:
        team: The team that both belong to.
        poor: The one whose budget pays for nothing.
        rich: The one whose budget pays, and which may ask once a minute.
    """

    team: str
    poor: str
    rich: str

    def __repr__(self) -> str:
        return f"Keys({self.team!r})"


def trial(
    door: BudgetDoor,
    model: str | None,
    replicas: Sequence[str],
    run: str,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Shown]:
    """Make the keys, ask with them, and remove them, whatever interrupts that.

    Args:
        door: The platform.
        model: A model whose engines work for anybody; None where there is none.
        replicas: The replicas that serve.
        run: What tells this audit from others.
        clock: Seconds that only grow.

    Raises:
        CommandFailedError: The gateway cannot be asked, or what was made could not be removed.
    """
    if model is None:
        yield from _shown(Reply(0), Reply(0), Reply(0), why=NO_SHARED_ENGINE)
        return
    keys = Keys(f"bulkhead-audit-{run}", _fresh_key(), _fresh_key())
    try:
        with deferred():
            fault = _make(door, keys, model)
        if fault:
            yield from _shown(Reply(0), Reply(0), Reply(0), why=fault)
            return
        poor = door.ask(replicas[0], keys.poor, chat(model))
        began = clock()
        rich = door.ask(replicas[0], keys.rich, chat(model))
        again = door.ask(replicas[-1], keys.rich, chat(model))
        late = clock() - began > WINDOW_SECONDS
    finally:
        with uninterrupted():
            _remove(door, keys.team)
    yield from _shown(poor, rich, again, late="the two took longer than the minute that is counted" if late else "")


def _fresh_key() -> str:
    return f"sk-{secrets.token_urlsafe(36)}"


def _make(door: BudgetDoor, keys: Keys, model: str) -> str:
    """Make the team and its keys; what went wrong, empty where nothing did."""
    about: dict[str, Any] = {"team_id": keys.team, "models": [model], "metadata": {"bulkhead_audit": keys.team}}
    grant = {**about, "allowed_routes": [CHAT, MODELS.path], "duration": KEY_LIFE}
    writes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/team/new", {**about, "team_alias": keys.team, "max_budget": ENOUGH_USD}),
        ("/key/generate", {**grant, "key": keys.poor, "max_budget": NEXT_TO_NOTHING_USD}),
        ("/key/generate", {**grant, "key": keys.rich, "max_budget": ENOUGH_USD, "rpm_limit": 1}),
    )
    for path, body in writes:
        reply = door.administer(path, body)
        if not reply.granted:
            return f"POST {path} was {reply.words}, so that there is no key to try"
    return ""


def _remove(door: BudgetDoor, team: str) -> None:
    """Remove the team, and its keys with it; it may not be there."""
    reply = door.administer("/team/delete", {"team_ids": [team]})
    if not reply.granted and reply.status != 404:
        raise left_behind(
            f"team {team}, which the audit made at the gateway, could not be deleted: {reply.words}",
            f"wait: its keys end by themselves {KEY_LIFE} after they were made, and nobody else has them",
        )


def _shown(poor: Reply, rich: Reply, again: Reply, *, why: str = "", late: str = "") -> Iterator[Shown]:
    """What the three answers say; each refusal by what the key with a budget was answered."""
    paid = Outcome.HOLDS if rich.granted else Outcome.UNPROVEN
    twin = why or ("" if rich.granted else f"the key whose budget pays was {rich.words}")
    cases = (
        ("beyond-its-budget", "a request that its key's budget does not pay for", poor, _BUDGET_SPENT, twin),
        ("beyond-its-limit", "a second request in a minute with a key of one", again, _LIMIT_REACHED, twin or late),
    )
    for case, about, reply, refusal, doubt in cases:
        outcome = Outcome.FAILS if reply.granted else Outcome.UNPROVEN
        outcome = Outcome.HOLDS if (reply.status, reply.code) == refusal else outcome
        shown = Shown(
            case, attack=True, about=about, outcome=outcome, seen=reply.words, identity="a key of the audit's"
        )
        yield shown.doubted(doubt) if doubt else shown
    yield Shown(
        "within-its-budget",
        attack=False,
        about="a request that its key's budget pays for",
        outcome=paid,
        seen=why or rich.words,
        identity="a key of the audit's",
    )
