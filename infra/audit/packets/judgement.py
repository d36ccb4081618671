"""From what pods reached to what that says of the controls."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from infra.audit.packets.matrix import Caller, Promise
from infra.audit.packets.places import Destination, Ground, Position
from infra.audit.report import Window
from infra.audit.results import Observation, Outcome, Probe
from infra.config.trust import ControlId

SOURCE = "Kubernetes' documentation on network policies"


@dataclass(frozen=True)
class Opened:
    """How long a caller's pod was open in one direction; see `Window`."""

    milliseconds: float | None
    ended: bool


@dataclass(frozen=True)
class Result:
    """What one caller found.

    Attributes:
        reached: Name of a destination → whether it answered.
        windows: `out` and `in` → how long the caller was open.
        missing: Why it could not try; empty when it did.
        visited: Whether the caller's own pod was reached by somebody, so that its network is known to work.
    """

    reached: Mapping[str, bool]
    windows: Mapping[str, Opened]
    missing: str = ""
    visited: bool = False


@dataclass(frozen=True)
class Found:
    """Everything that one run found.

    Attributes:
        results: Name of a position → what its caller found.
        placed: The destinations that have an address.
        listening: The positions whose own probe pod answers itself.
        assumed: The destinations that are taken to answer although nobody has reached them.
        ended: The positions whose own probe pod was over, or not to be seen, when the last caller had called.
    """

    results: Mapping[str, Result]
    placed: Collection[str]
    listening: Collection[str]
    assumed: Collection[str] = ()
    ended: Collection[str] = ()


def observations(ground: Ground, found: Found, claimed: frozenset[ControlId]) -> Iterator[Observation]:
    """One for each connection that something is promised of.

    A connection that fails proves nothing by itself: whoever was called has to be known to answer until the end, and
    whoever called to reach something. An engine may reach nothing at all, so its caller has to be reached by somebody.
    """
    alive = _alive(ground, found)
    for position, destination, promise in ground.pairs():
        result = found.results[position.name]
        answered = result.reached.get(destination.name, False)
        doubt = result.missing or ("" if destination.name in found.placed else "nothing ready answers there")
        if not doubt and not answered and destination.probe and ground.place_of(destination).name in found.ended:
            doubt = "the pod that answers there had ended before everybody had called"
        if not doubt and not answered and not promise.allowed:
            doubt = _doubt_of_refusal(destination, result, alive)
        yield _observation(position, destination, _outcome(promise, answered, doubt, claimed), _words(answered, doubt))


def windows(found: Found) -> Iterator[Window]:
    """How long the tenants' new pods were open; inwards only where whoever tried them had not ended."""
    for name, result in found.results.items():
        for direction, opened in result.windows.items():
            if direction == "in" and Caller.STRANGER in found.ended:
                continue
            yield Window(name.partition(" ")[2], direction, opened.milliseconds, opened.ended)


def _alive(ground: Ground, found: Found) -> frozenset[str]:
    """The destinations that are known to answer: to somebody, or where a probe pod listens, to itself."""
    reached = {name for result in found.results.values() for name, answered in result.reached.items() if answered}
    own = {one.name for one in ground.destinations if one.probe and ground.place_of(one).name in found.listening}
    return frozenset({*reached, *own, *found.assumed})


def _doubt_of_refusal(destination: Destination, result: Result, alive: frozenset[str]) -> str:
    if not result.visited and not any(result.reached.values()):
        return "its caller reaches nothing at all, and nobody is known to reach it"
    return "" if destination.name in alive else "nobody reaches it, so nothing may be there"


def _outcome(promise: Promise, answered: bool, doubt: str, claimed: frozenset[ControlId]) -> tuple[Promise, Outcome]:
    if not promise.allowed and promise.control not in claimed:
        return promise, Outcome.NOT_CLAIMED
    if doubt:
        return promise, Outcome.UNPROVEN
    return promise, Outcome.HOLDS if answered is promise.allowed else Outcome.FAILS


def _words(answered: bool, doubt: str) -> str:
    return doubt or ("it answered" if answered else "it did not answer")


def _observation(
    position: Position, destination: Destination, judged: tuple[Promise, Outcome], seen: str
) -> Observation:
    promise, outcome = judged
    what = "must reach" if promise.allowed else "must not reach"
    return Observation(
        probe=Probe.PACKETS,
        case=f"{position.name} to {destination.name}",
        control=promise.control,
        attack=not promise.allowed,
        tenant=position.tenant or destination.tenant,
        identity=f"a pod ({position.name})",
        about=f"{position.name} {what} {destination.name} on port {destination.port}",
        outcome=outcome,
        seen=seen,
        source=SOURCE,
    )
