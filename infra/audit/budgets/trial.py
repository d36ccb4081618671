"""Whether a budget and a limit really stop a request, by keys that are made for it and removed again.

Two keys differ in their budget alone. One has less than the cheapest request costs: LiteLLM lets such a request through
unless it fails closed (SR3), and then refuses it by its estimate before an engine works on it. Let through, it spends
the budget, and is followed by more until one is refused (AC2). The other key has enough, and is answered; it may ask
once a minute, and asks again where it was answered (AC2) and, where there is another replica, there, which shows that
both count together (SR3). Nothing tells which models chat, and a refusal by one that does not may count as a request:
so each model has such a key, and they are asked in turn until one is answered. All end by themselves after some
minutes, whatever happens to the audit.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from infra.audit.budgets.attempts import CHAT, MODELS, chat
from infra.audit.budgets.door import BudgetDoor, Reply
from infra.audit.budgets.verdict import Shown
from infra.audit.errors import left_behind
from infra.audit.results import Outcome
from infra.audit.signals import deferred, uninterrupted
from infra.config.trust import ControlId

NEXT_TO_NOTHING_USD = 1e-10
"""Less than any request costs at any price worth writing down; LiteLLM takes a remainder below 1e-12 for none."""
ENOUGH_USD = 1.0
KEY_LIFE = "10m"
WINDOW_SECONDS = 50.0
"""Within which all requests of the limited key have to be made: LiteLLM counts by the minute."""
SPENT_TRIES = 10
"""How often a key whose budget is spent may be answered, a second apart: LiteLLM adds an answer's cost after it."""
_BUDGET_SPENT = (429, "insufficient_quota")
_LIMIT_REACHED = (429, "rate_limit_exceeded")
_NOT_ASKED = Reply(0)
_IDENTITY = "a key of the audit's"
TOO_LATE = "the requests took longer than the minute that is counted"
NO_SHARED_ENGINE = "every engine works for one tenant alone, and keys for a trial belong to none"


@dataclass(frozen=True)
class Clock:
    """How time passes.

    Attributes:
        now: Seconds that only grow.
        wait: Waits for so many seconds.
    """

    now: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep


CLOCK = Clock()


@dataclass(frozen=True)
class Keys:
    """The keys of a trial.

    Attributes:
        team: The team that all belong to.
        poor: The one whose budget pays for nothing.
        rich: Model → the one whose budget pays for it, and which may ask once a minute.
    """

    team: str
    poor: str
    rich: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Keys({self.team!r})"


@dataclass(frozen=True)
class Answers:
    """What the keys were answered; nothing where they were not asked.

    Attributes:
        poor: The one whose budget pays for nothing.
        spent: The same, asked on until it was refused: the last answer.
        rich: The one whose budget pays.
        again: The latter, a second time.
        elsewhere: The latter once more, at another replica; None where there is no other.
        fault: Why they were not asked; empty where they were.
        late: Why what was asked again does not count; empty where it does.
    """

    poor: Reply = _NOT_ASKED
    spent: Reply = _NOT_ASKED
    rich: Reply = _NOT_ASKED
    again: Reply = _NOT_ASKED
    elsewhere: Reply | None = None
    fault: str = ""
    late: str = ""


def trial(
    door: BudgetDoor,
    models: Sequence[str],
    replicas: Sequence[str],
    run: str,
    clock: Clock = CLOCK,
) -> Iterator[Shown]:
    """Make the keys, ask with them, and remove them, whatever interrupts that.

    Args:
        door: The platform.
        models: The models whose engines work for anybody, whether they chat or not.
        replicas: The replicas that serve.
        run: What tells this audit from others.
        clock: How time passes.

    Raises:
        CommandFailedError: The gateway cannot be asked, or what was made could not be removed.
    """
    if not models:
        yield from _shown(Answers(fault=NO_SHARED_ENGINE), possible=False)
        return
    keys = Keys(f"bulkhead-audit-{run}", _fresh_key(), {model: _fresh_key() for model in models})
    try:
        with deferred():
            fault = _make(door, keys)
        answers = Answers(fault=fault) if fault else _asked(door, keys, replicas, clock)
    finally:
        with uninterrupted():
            _remove(door, keys.team)
    yield from _shown(answers, possible=True)


def _asked(door: BudgetDoor, keys: Keys, replicas: Sequence[str], clock: Clock) -> Answers:
    """What the keys are answered for the first model that answers the one that pays."""
    refusals: list[str] = []
    for model, key in keys.rich.items():
        began = clock.now()
        rich = door.ask(replicas[0], key, chat(model))
        if rich.granted:
            poor = door.ask(replicas[0], keys.poor, chat(model))
            again = door.ask(replicas[0], key, chat(model))
            elsewhere = door.ask(replicas[-1], key, chat(model)) if len(replicas) > 1 else None
            late = clock.now() - began > WINDOW_SECONDS
            spent = _last(partial(door.ask, replicas[0], keys.poor, chat(model)), poor, clock)
            return Answers(poor, spent, rich, again, elsewhere, late=TOO_LATE if late else "")
        refusals.append(f"{model}: {rich.words}")
    return Answers(fault=f"no shared model answered the key whose budget pays ({', '.join(refusals)})")


def _last(ask: Callable[[], Reply], first: Reply, clock: Clock) -> Reply:
    """The refusal that follows a first reply, or the last of as many answers as are allowed."""
    reply = first
    for _ in range(SPENT_TRIES):
        if not reply.granted:
            break
        clock.wait(1)
        reply = ask()
    return reply


def _fresh_key() -> str:
    return f"sk-{secrets.token_urlsafe(36)}"


def _make(door: BudgetDoor, keys: Keys) -> str:
    """Make the team and its keys; what went wrong, empty where nothing did."""
    about: dict[str, Any] = {"team_id": keys.team, "models": [*keys.rich], "metadata": {"bulkhead_audit": keys.team}}
    grant = {**about, "allowed_routes": [CHAT, MODELS.path], "duration": KEY_LIFE}
    writes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/team/new", {**about, "team_alias": keys.team, "max_budget": ENOUGH_USD}),
        ("/key/generate", {**grant, "key": keys.poor, "max_budget": NEXT_TO_NOTHING_USD}),
        *(
            ("/key/generate", {**grant, "key": key, "models": [model], "max_budget": ENOUGH_USD, "rpm_limit": 1})
            for model, key in keys.rich.items()
        ),
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


def _shown(answers: Answers, *, possible: bool) -> Iterator[Shown]:
    """What the answers say.

    Args:
        answers: The answers.
        possible: Whether there was anything to ask: then nothing else shows what these were to show.
    """
    about = "a request that its key's budget does not pay for"
    budgets = [_refused("beyond-its-budget", ControlId.SR3, about, answers.poor, _BUDGET_SPENT)]
    about = "requests one after another with a key whose budget pays for none"
    budgets.append(_refused("spends-on", ControlId.AC2, about, answers.spent, _BUDGET_SPENT))
    about = "a second request in a minute with a key of one"
    limits = [_refused("beyond-its-limit", ControlId.AC2, about, answers.again, _LIMIT_REACHED)]
    if answers.elsewhere is not None:
        about = "another request in that minute at another replica"
        limits.append(_refused("beyond-its-limit-elsewhere", ControlId.SR3, about, answers.elsewhere, _LIMIT_REACHED))
    if answers.late:
        limits = [shown.doubted(answers.late) for shown in limits]
    for shown in (*budgets, *limits):
        yield replace(shown, seen=answers.fault or shown.seen, decisive=possible)
    yield Shown(
        "within-its-budget",
        ControlId.AC2,
        attack=False,
        about="a request that its key's budget pays for",
        outcome=Outcome.HOLDS if answers.rich.granted else Outcome.UNPROVEN,
        seen=answers.fault or answers.rich.words,
        identity=_IDENTITY,
    )


def _refused(case: str, control: ControlId, about: str, reply: Reply, refusal: tuple[int, str]) -> Shown:
    outcome = Outcome.FAILS if reply.granted else Outcome.UNPROVEN
    outcome = Outcome.HOLDS if (reply.status, reply.code) == refusal else outcome
    return Shown(case, control, True, about, outcome, reply.words, _IDENTITY)
