"""From observations to what an audit says of each control."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.audit.results import Observation, Outcome, Probe
from infra.config.trust import ControlId
from infra.trust.posture import Posture

PROBED_BY: dict[ControlId, frozenset[Probe]] = {
    ControlId.AC1: frozenset({Probe.BUDGETS}),
    ControlId.AC2: frozenset({Probe.BUDGETS}),
    ControlId.SR1: frozenset({Probe.PACKETS}),
    ControlId.SR2: frozenset({Probe.ADMISSION}),
    ControlId.SR3: frozenset({Probe.BUDGETS}),
    ControlId.NS1: frozenset({Probe.ADMISSION}),
    ControlId.NS2: frozenset({Probe.ADMISSION}),
    ControlId.NS3: frozenset({Probe.ADMISSION, Probe.ACCESS}),
    ControlId.NS4: frozenset({Probe.PACKETS}),
    ControlId.KV1: frozenset({Probe.CACHES}),
    ControlId.HW1: frozenset({Probe.NODES}),
    ControlId.HW2: frozenset({Probe.ADMISSION, Probe.NODES}),
    ControlId.HW3: frozenset({Probe.ADMISSION, Probe.NODES}),
}
"""Control → the probes that can show that it holds. All others rest on settings and counters that no request shows."""


class Verdict(StrEnum):
    """What an audit says of one control."""

    HOLDS = "holds"
    """Every attack that could be tried was refused by the control, at least one for every tenant and all that are
    decisive, and work passed."""
    FAILS = "does not hold"
    """An attack got through, or legitimate work did not."""
    UNPROVEN = "unproven"
    """It is claimed, and for some tenant no attack on it could be tried, or none of a kind that no other stands for."""
    NOT_CLAIMED = "not claimed"
    """The stack does not claim it."""
    NOT_PROBED = "not probed"
    """It is claimed, and not among what this run looks at, or nothing of what it is about is there."""


@dataclass(frozen=True)
class ControlReport:
    """One control.

    Attributes:
        control: Its id.
        title: What it does.
        verdict: What the audit says.
        observations: Every case of it, in the order in which they were looked at.
        unproven_for: The tenants that were looked at and for whom nothing shows that it holds, sorted; the empty name
            stands for the platform's own pods. Empty too where nobody was looked at, and where it is not claimed.
    """

    control: ControlId
    title: str
    verdict: Verdict
    observations: tuple[Observation, ...]
    unproven_for: tuple[str, ...] = ()

    def of(self, outcome: Outcome) -> tuple[Observation, ...]:
        """The cases with that outcome."""
        return tuple(one for one in self.observations if one.outcome is outcome)


@dataclass(frozen=True)
class Window:
    """How long a new pod could do what its rules forbid, in milliseconds from the first instruction of its process.

    Attributes:
        direction: `out`: it could reach what it must not; `in`: it could be reached by whom it must not.
        milliseconds: When it was last seen open. None when it never was, since its rules were there before its process
            was, or since nothing answers: which of the two, the case of the same connection tells.
        ended: Whether it was seen to end.
    """

    tenant: str
    direction: str
    milliseconds: float | None
    ended: bool


@dataclass(frozen=True)
class AuditReport:
    """What one audit found.

    Attributes:
        stack: The stack's name.
        tier: The tier that was expected to hold.
        context: The kubeconfig context that was audited; empty where a plan was, without a cluster.
        probes: What was looked at.
        controls: Every control of the catalogue, in its order.
        windows: How long new pods were open.
        seconds: Probe → how long it took.
    """

    stack: str
    tier: str
    context: str
    probes: tuple[Probe, ...]
    controls: tuple[ControlReport, ...]
    windows: tuple[Window, ...]
    seconds: dict[Probe, float]

    def count(self, *, attack: bool, outcome: Outcome) -> int:
        """How many attacks, or how much legitimate work, ended so."""
        return sum(one.attack is attack for row in self.controls for one in row.of(outcome))

    @property
    def holds(self) -> bool:
        """Whether no claimed control was seen not to hold, and no legitimate work was refused."""
        return all(row.verdict is not Verdict.FAILS for row in self.controls)

    @property
    def tried(self) -> bool:
        """Whether any claimed control was judged at all: without one, nothing is known of the stack's claims."""
        return any(row.verdict in (Verdict.HOLDS, Verdict.FAILS) for row in self.controls)

    @property
    def proven(self) -> bool:
        """Whether something could be tried, for each tenant, against every claimed control that was looked at."""
        return all(row.verdict is not Verdict.UNPROVEN for row in self.controls)


def control_reports(
    posture: Posture, observations: Sequence[Observation], probes: Sequence[Probe]
) -> tuple[ControlReport, ...]:
    """A row for each control of the posture."""
    found: list[ControlReport] = []
    for row in posture.controls:
        identifier = row.control.id
        own = tuple(one for one in observations if one.control is identifier)
        telling = PROBED_BY.get(identifier, frozenset()) & frozenset(probes) - _with_nothing_there(own)
        attacks = [one for one in own if one.attack and one.probe in telling and one.outcome is not Outcome.NOT_THERE]
        claimed = identifier in posture.in_force
        found.append(
            ControlReport(
                control=identifier,
                title=row.control.title,
                verdict=_verdict(own, attacks, claimed=claimed, probed=bool(telling)),
                observations=own,
                unproven_for=_unproven_for(attacks) if claimed else (),
            )
        )
    return tuple(found)


def _with_nothing_there(own: Sequence[Observation]) -> frozenset[Probe]:
    """The probes that found nothing of what a control is about, and so say nothing of it."""
    found = {one.probe for one in own if one.outcome is not Outcome.NOT_THERE}
    return frozenset(one.probe for one in own if one.probe not in found)


def _verdict(own: Sequence[Observation], attacks: Sequence[Observation], *, claimed: bool, probed: bool) -> Verdict:
    if any(one.outcome is Outcome.FAILS for one in own):
        return Verdict.FAILS
    if not claimed:
        return Verdict.NOT_CLAIMED
    if not probed:
        return Verdict.NOT_PROBED
    return Verdict.HOLDS if attacks and not _unproven_for(attacks) else Verdict.UNPROVEN


def _unproven_for(attacks: Sequence[Observation]) -> tuple[str, ...]:
    """The tenants of whose attacks nothing was seen, neither a refusal nor a success, or nothing of a decisive one."""
    told = {one.tenant for one in attacks if one.outcome in {Outcome.HOLDS, Outcome.FAILS}}
    missed = {one.tenant for one in attacks if one.decisive and one.outcome is Outcome.UNPROVEN}
    return tuple(sorted({one.tenant for one in attacks} - told | missed))
