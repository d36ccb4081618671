"""What one question about budgets showed."""

from dataclasses import dataclass, replace

from infra.audit.results import Observation, Outcome, Probe
from infra.config.trust import ControlId

SOURCES = {
    ControlId.AC1: "LiteLLM's documentation on virtual keys; OWASP API2:2023 and API5:2023",
    ControlId.AC2: "LiteLLM's documentation on budgets, rate limits and custom pricing; OWASP API4:2023",
    ControlId.SR3: "LiteLLM's documentation on budgets, rate limits and on a database that is away; OWASP API4:2023",
}
"""Control that a case may be about → where its attacks are known from (docs/decisions/0048)."""


@dataclass(frozen=True)
class Shown:
    """One case before it is anybody's.

    Attributes:
        case: Its id.
        control: The control that it is about, one of `SOURCES`.
        attack: Whether it had to be refused; else it had to pass.
        about: What was asked.
        outcome: What the answer says.
        seen: The answer in words.
        identity: Who asked.
        decisive: Whether the control is unproven where this case is, whatever others show.
    """

    case: str
    control: ControlId
    attack: bool
    about: str
    outcome: Outcome
    seen: str
    identity: str = "an administrator"
    decisive: bool = False

    def doubted(self, why: str) -> "Shown":
        """The same where what gives it its meaning did not happen."""
        return replace(self, outcome=Outcome.UNPROVEN, seen=f"{self.seen}; but {why}")


def observed(shown: Shown, claimed: frozenset[ControlId], tenant: str = "") -> Observation:
    """The case as an observation of its control.

    Legitimate work has to pass in every tier; an attack is judged only where its control is claimed.

    Args:
        shown: The case.
        claimed: The controls that the stack claims.
        tenant: Whose; empty where it is no tenant's.
    """
    judged = not shown.attack or shown.control in claimed
    return Observation(
        probe=Probe.BUDGETS,
        case=shown.case,
        control=shown.control,
        attack=shown.attack,
        tenant=tenant,
        identity=shown.identity,
        about=shown.about,
        outcome=shown.outcome if judged else Outcome.NOT_CLAIMED,
        seen=shown.seen,
        source=SOURCES[shown.control],
        decisive=shown.decisive,
    )
