"""One pass: look, write what differs, look again; and how long until every replica acts on it."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .admin import CLIENT_ERROR, Admin, observe
from .errors import GatewayError
from .model import Json, State, Tenant, Write
from .plan import plan, strangers

ROUNDS = 4
"""One to write, one to see that it is done, and two for whoever writes at the same time."""


@dataclass(frozen=True)
class Settled:
    """What a pass ended with.

    Attributes:
        written: How many writes it took.
        blocked: Whether one of them took a key away from somebody.
        state: What the gateway has; nothing of it differs from the records.
        strangers: Keys of tenants' teams that were made by hand.
    """

    written: int
    blocked: bool
    state: State
    strangers: tuple[str, ...]


def reconcile(tenants: Sequence[Tenant], admin: Admin, say: Callable[[str], None]) -> Settled:
    """Write until nothing differs.

    Raises:
        GatewayError: The gateway refused a write or did not settle.
        InputError: The gateway refuses the master key.
        StoppedError: The process was told to end.
    """
    made: list[Write] = []
    for _ in range(ROUNDS):
        state = observe(admin)
        writes = plan(tenants, state)
        if not writes:
            blocked = any(write.body.get("blocked") is True for write in made)
            return Settled(len(made), blocked, state, tuple(strangers(tenants, state)))
        for write in writes:
            if admin.post(write.path, write.body) < CLIENT_ERROR:
                say(write.says)
                made.append(write)
            else:
                # Somebody else was first; the next round sees what there is now.
                say(f"{write.says.partition(':')[0]}: another run was first, looking again")
    raise GatewayError(f"the gateway did not settle in {ROUNDS} rounds; somebody else goes on changing it")


def seconds_to_forget(settled: Settled, forget_seconds: float, now: datetime.datetime) -> float:
    """How long a replica may still take a key that is blocked.

    LiteLLM tells the other replicas of a blocked key at once, but makes no promise: what a replica remembers ends of
    itself after `forget_seconds`. A pass that was lost after its writes is known by when the keys were last changed.

    Args:
        settled: How the pass ended.
        forget_seconds: How long a replica may act on what it remembers.
        now: The time, with its zone.
    """
    if settled.blocked:
        return forget_seconds
    changes = (_changed_at(key) for key in settled.state.removed_or_replaced_keys)
    newest = max((change for change in changes if change is not None), default=None)
    if newest is None:
        return 0.0
    return min(max(forget_seconds - (now - newest).total_seconds(), 0.0), forget_seconds)


def _changed_at(key: Json) -> datetime.datetime | None:
    """When the key's settings were last changed; unlike `updated_at`, no recorded spend moves it."""
    try:
        changed = datetime.datetime.fromisoformat(str(key.get("settings_updated_at")))
    except ValueError:
        return None
    return changed if changed.tzinfo else changed.replace(tzinfo=datetime.UTC)
