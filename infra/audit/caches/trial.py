"""One question of two tenants about one prompt, and what the engines count meanwhile.

Two assertions belong together: another tenant finds nothing again, and the same tenant does. The first alone would hold
with nothing in the cache at all. A hit is read from the engines' counters and never judged by time; a reading counts
only where the tokens that were looked for are exactly those of the one prompt, since on a platform in use others ask at
the same time.

Where each of the two has an engine of its own, no request of the one may reach the other's. That is told from which
engine counted it; two replicas of one engine prove nothing of the kind.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.audit.caches.door import CacheDoor, Counted, EnginePod, Said
from infra.audit.results import Outcome

ATTEMPTS = 5
"""Of a whole question; more mean an engine that is never left alone for the length of three short answers."""
OWN_ASKS = 4
"""Repetitions of a tenant's own prompt: until one reaches the replica that has it, where there are several; all of them
where the tenant's engine is its own, so that a gateway that spreads requests over several engines is seen to."""
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
class Asker:
    """A tenant, and where its requests for the model have to go.

    Attributes:
        tenant: The tenant's name.
        engine: The engine's name.
    """

    tenant: str
    engine: str


@dataclass(frozen=True)
class _Reading:
    """One request and what was counted for it; `pod` is None where others were counted, too."""

    said: Said
    pod: EnginePod | None
    hits: int


def fresh_prompt(words: int) -> str:
    """A prompt that nobody has asked yet, from its first token on."""
    return " ".join(random.choices(LETTERS, k=words))  # noqa: S311 - no secret


def trial(
    door: CacheDoor,
    model: str,
    askers: tuple[Asker, Asker],
    *,
    words: int = WORDS,
    pause: Callable[[float], None] = time.sleep,
) -> Trial:
    """Let one tenant ask, then another the same, twice.

    Args:
        door: The platform.
        model: The model, by the name that tenants use.
        askers: Who asks first, and who tries to find that again.
        words: The prompt's length.
        pause: Waits for so many seconds.
    """
    why = BUSY
    for _ in range(ATTEMPTS):
        found = _attempt(_Asking(door, model, pause), askers, fresh_prompt(words))
        if isinstance(found, Trial):
            return found
        why = found
    return _unproven(why)


def _attempt(asking: "_Asking", askers: tuple[Asker, Asker], prompt: str) -> Trial | str:
    """What one prompt shows; why it shows nothing, where another one may."""
    first, second = askers
    planted = asking.read(first.tenant, prompt)
    stolen = asking.read(second.tenant, prompt)
    for reading, asker in ((planted, first), (stolen, second)):
        if not reading.said.answered:
            return _unproven(f"tenant {asker.tenant}: {reading.said.words}")
    if planted.pod is None or stolen.pod is None:
        return BUSY
    if stolen.hits:
        return _failed(
            f"{stolen.hits} of {stolen.said.prompt_tokens} tokens that {first.tenant} had asked were found again"
        )
    if strayed := _strayed(planted.pod, first) or _strayed(stolen.pod, second):
        return strayed
    if planted.pod.engine != stolen.pod.engine:
        return _apart(asking, second, prompt, f"while {first.tenant} was answered by {first.engine}")
    return _own(asking, second.tenant, prompt, stolen) if planted.pod == stolen.pod else ELSEWHERE


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


def _apart(asking: "_Asking", asker: Asker, prompt: str, other: str) -> Trial | str:
    """The same where the other's engine is another one: every request stays at the tenant's own.

    That holds by itself, so that finding the own prompt again is not asked for: several replicas may never show it.
    """
    seen: list[_Reading] = []
    for _ in range(OWN_ASKS):
        own = asking.read(asker.tenant, prompt)
        if not own.said.answered:
            return _unproven(f"tenant {asker.tenant}: {own.said.words}")
        if own.pod is not None:
            if strayed := _strayed(own.pod, asker):
                return strayed
            seen.append(own)
    if not seen:
        return BUSY
    tokens, hits = seen[-1].said.prompt_tokens, max(reading.hits for reading in seen)
    found = f"{hits} of {tokens} tokens were found again there" if hits else f"answered by {asker.engine} each time"
    return Trial(
        Verdict(
            Outcome.HOLDS,
            f"answered by {asker.engine}, a separate engine, {other}: none of {tokens} tokens was found again",
        ),
        Verdict(Outcome.HOLDS, found),
    )


def _strayed(pod: EnginePod, asker: Asker) -> Trial | None:
    """A request that another engine than the tenant's worked on, where it may meet others' prompts."""
    if pod.engine == asker.engine:
        return None
    return _failed(f"a request of {asker.tenant} was answered by {pod.engine}, which does not serve it")


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


def _failed(seen: str) -> Trial:
    return Trial(Verdict(Outcome.FAILS, seen), Verdict(Outcome.UNPROVEN, "told from the other's by nothing"))


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

    def _grown(self, before: Mapping[EnginePod, Counted], tokens: int) -> Mapping[EnginePod, Counted]:
        """What each pod counted since, once the prompt is among it."""
        waited = 0.0
        while True:
            grown = _difference(before, self.door.counted(self.model))
            if sum(counted.queries for counted in grown.values()) >= tokens or waited >= SETTLE_SECONDS:
                return grown
            self.pause(PAUSE_SECONDS)
            waited += PAUSE_SECONDS


def _difference(before: Mapping[EnginePod, Counted], after: Mapping[EnginePod, Counted]) -> Mapping[EnginePod, Counted]:
    """By pod; a pod that came or began anew in between counts from nothing."""
    nothing = Counted(0, 0)
    found: dict[EnginePod, Counted] = {}
    for pod, now in after.items():
        then = before.get(pod, nothing)
        then = then if then.queries <= now.queries else nothing
        found[pod] = Counted(now.queries - then.queries, now.hits - then.hits)
    return found
