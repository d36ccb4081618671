"""One pass: look, write what differs, look again; and how long until every replica acts on it."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .admin import CLIENT_ERROR, Admin, observe
from .errors import GatewayError, WriteRefusedError
from .model import Json, State, Tenant, Write
from .plan import plan, strangers

ROUNDS = 5
"""One for teams, one for their keys, one to see that it is done, and two for whoever writes at the same time."""


@dataclass(frozen=True)
class Settled:
    """What a pass ended with.

    Attributes:
        written: How many writes it took.
        blocked: Whether one of them took a key away from somebody.
        state: What the gateway has; nothing of it differs from the records but of those who were refused.
        strangers: Keys of tenants' teams that were made by hand.
        refused: The tenants, listed or removed, of whom the gateway refused a write, sorted.
    """

    written: int
    blocked: bool
    state: State
    strangers: tuple[str, ...]
    refused: tuple[str, ...] = ()

    def require_all_written(self) -> None:
        """Raise GatewayError where the gateway refused a write."""
        if self.refused:
            raise GatewayError(
                f"the gateway refused writes of {', '.join(self.refused)}: their accounts are not as listed, all others"
                " are. The lines above say why; mend what they name in the stack file and deploy, or mend the gateway:"
                " every pass asks it again"
            )


def reconcile(tenants: Sequence[Tenant], admin: Admin, say: Callable[[str], None]) -> Settled:
    """Write until nothing differs but what the gateway refused: one tenant's refusal keeps no other's from being made.

    Raises:
        GatewayError: The gateway could not be reached, or did not settle.
        InputError: The gateway refuses the master key.
        StoppedError: The process was told to end.
    """
    made: list[Write] = []
    refused: list[Write] = []
    for _ in range(ROUNDS):
        state = observe(admin)
        missing = plan(tenants, state)
        writes = [write for write in missing if write not in refused]
        if not writes:
            return Settled(
                written=len(made),
                blocked=any(write.body.get("blocked") is True for write in made),
                state=state,
                strangers=tuple(strangers(tenants, state)),
                refused=tuple(sorted({write.tenant for write in missing})),
            )
        for write in writes:
            try:
                status = admin.post(write.path, write.body)
            except WriteRefusedError as error:
                say(f"{_thing(write)}: refused, {error}")
                refused.append(write)
                continue
            if status < CLIENT_ERROR:
                say(write.says)
                made.append(write)
            else:
                # Somebody else was first; the next round sees what there is now.
                say(f"{_thing(write)}: another run was first, looking again")
    raise GatewayError(f"the gateway did not settle in {ROUNDS} rounds; somebody else goes on changing it")


def _thing(write: Write) -> str:
    """What it changes, in words."""
    return write.says.partition(":")[0]


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
