"""One question of two tenants about one prompt, and what the engines count meanwhile.

Two assertions belong together: another tenant finds nothing again, and the same tenant does. The first alone would hold
with nothing in the cache at all. A hit is read from the engines' counters and never judged by time; a reading counts
only where the tokens that were looked for are exactly those of the one prompt, since on a platform in use others ask at
the same time.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.audit.caches.door import CacheDoor, Counted, Said
from infra.audit.results import Outcome

ATTEMPTS = 5
"""Of a whole question; more mean an engine that is never left alone for the length of three short answers."""
OWN_ASKS = 4
"""Repetitions of a tenant's own prompt until one reaches the engine that has it, where there are several."""
WORDS = 420
"""In a prompt, each a token or two; engines find beginnings again by blocks of 16 tokens, on CPUs of 128."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SETTLE_SECONDS = 3.0
"""How long an engine may take to count what it has answered already."""
PAUSE_SECONDS = 0.1

BUSY = "others asked the engines at the same time each time, so that no reading was this prompt's alone"
ELSEWHERE = "no request reached the engine that had the prompt"
NOTHING_KEPT = "not even the tenant's own prompt was found again, so that finding nothing says nothing"


@dataclass(frozen=True)
class Verdict:
    """What came of one half of a question, and in which words."""

    outcome: Outcome
    seen: str


@dataclass(frozen=True)
class Trial:
    """One question.

    Attributes:
        stolen: Another tenant's prompt, which must not be found again.
        own: The tenant's own, which must be.
    """

    stolen: Verdict
    own: Verdict


@dataclass(frozen=True)
class _Reading:
    """One request and what was counted for it; `pod` is None where others were counted, too."""

    said: Said
    pod: str | None
    hits: int


def fresh_prompt(words: int) -> str:
    """A prompt that nobody has asked yet, from its first token on."""
    return " ".join(random.choices(LETTERS, k=words))  # noqa: S311 - no secret


def trial(
    door: CacheDoor,
    model: str,
    tenants: tuple[str, str],
    *,
    words: int = WORDS,
    pause: Callable[[float], None] = time.sleep,
) -> Trial:
    """Let one tenant ask, then another the same, twice.

    Args:
        door: The platform.
        model: The model, by the name that tenants use.
        tenants: Who asks first, and who tries to find that again.
        words: The prompt's length.
        pause: Waits for so many seconds.
    """
    why = BUSY
    for _ in range(ATTEMPTS):
        found = _attempt(_Asking(door, model, pause), tenants, fresh_prompt(words))
        if isinstance(found, Trial):
            return found
        why = found
    return _unproven(why)


def _attempt(asking: "_Asking", tenants: tuple[str, str], prompt: str) -> Trial | str:
    """What one prompt shows; why it shows nothing, where another one may."""
    first, second = tenants
    planted = asking.read(first, prompt)
    stolen = asking.read(second, prompt)
    for reading, name in ((planted, first), (stolen, second)):
        if not reading.said.answered:
            return _unproven(f"tenant {name}: {reading.said.words}")
    if planted.pod is None or stolen.pod is None:
        return BUSY
    if stolen.hits:
        leak = f"{stolen.hits} of {stolen.said.prompt_tokens} tokens that {first} had asked were found again"
        return Trial(Verdict(Outcome.FAILS, leak), Verdict(Outcome.UNPROVEN, "told from the other's by nothing"))
    if planted.pod != stolen.pod:
        return ELSEWHERE
    return _own(asking, second, prompt, stolen)


def _own(asking: "_Asking", tenant: str, prompt: str, stolen: _Reading) -> Trial | str:
    """The positive half, which alone gives the negative one its meaning."""
    why = ELSEWHERE
    for _ in range(OWN_ASKS):
        own = asking.read(tenant, prompt)
        if not own.said.answered:
            return _unproven(f"tenant {tenant}: {own.said.words}")
        if own.pod == stolen.pod:
            if own.hits:
                tokens = own.said.prompt_tokens
                return Trial(
                    Verdict(Outcome.HOLDS, f"none of {tokens} tokens was found again"),
                    Verdict(Outcome.HOLDS, f"{own.hits} of {tokens} tokens were found again"),
                )
            return NOTHING_KEPT
        why = BUSY if own.pod is None else ELSEWHERE
    return why


def without_cache(door: CacheDoor, model: str, tenants: tuple[str, str], *, words: int = WORDS) -> Trial | None:
    """The same where engines keep nothing; None where they have counted, so that they do keep something."""
    prompt = fresh_prompt(words)
    for name in (*tenants, tenants[1]):
        said = door.ask(name, model, prompt)
        if not said.answered:
            return _unproven(f"tenant {name}: {said.words}")
    if any(counted.queries or counted.hits for counted in door.counted(model).values()):
        return None
    return Trial(
        Verdict(Outcome.HOLDS, "the engines look for nothing in a cache"),
        Verdict(Outcome.HOLDS, "answered, computed from its beginning"),
    )


def _unproven(why: str) -> Trial:
    return Trial(Verdict(Outcome.UNPROVEN, why), Verdict(Outcome.UNPROVEN, why))


@dataclass(frozen=True)
class _Asking:
    """Requests to one model, each between two readings of the counters."""

    door: CacheDoor
    model: str
    pause: Callable[[float], None]

    def read(self, tenant: str, prompt: str) -> _Reading:
        before = self.door.counted(self.model)
        said = self.door.ask(tenant, self.model, prompt)
        if not said.answered:
            return _Reading(said, None, 0)
        grown = self._grown(before, said.prompt_tokens)
        pods = [pod for pod, counted in grown.items() if counted.queries]
        alone = len(pods) == 1 and grown[pods[0]].queries == said.prompt_tokens
        return _Reading(said, pods[0], grown[pods[0]].hits) if alone else _Reading(said, None, 0)

    def _grown(self, before: Mapping[str, Counted], tokens: int) -> Mapping[str, Counted]:
        """What each pod counted since, once the prompt is among it."""
        waited = 0.0
        while True:
            grown = _difference(before, self.door.counted(self.model))
            if sum(counted.queries for counted in grown.values()) >= tokens or waited >= SETTLE_SECONDS:
                return grown
            self.pause(PAUSE_SECONDS)
            waited += PAUSE_SECONDS


def _difference(before: Mapping[str, Counted], after: Mapping[str, Counted]) -> Mapping[str, Counted]:
    """By pod; a pod that came or began anew in between counts from nothing."""
    nothing = Counted(0, 0)
    found: dict[str, Counted] = {}
    for pod, now in after.items():
        then = before.get(pod, nothing)
        then = then if then.queries <= now.queries else nothing
        found[pod] = Counted(now.queries - then.queries, now.hits - then.hits)
    return found
