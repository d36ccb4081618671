"""What one question about budgets showed."""

from dataclasses import dataclass, replace

from infra.audit.results import Observation, Outcome, Probe
from infra.config.trust import ControlId

SOURCE = "LiteLLM's documentation on budgets, rate limits and on a database that is away; OWASP API4:2023"


@dataclass(frozen=True)
class Shown:
    """One case before it is anybody's.

    Attributes:
        case: Its id.
        attack: Whether it had to be refused; else it had to pass.
        about: What was asked.
        outcome: What the answer says.
        seen: The answer in words.
        identity: Who asked.
        decisive: Whether SR3 is unproven where this case is, whatever others show.
    """

    case: str
    attack: bool
    about: str
    outcome: Outcome
    seen: str
    identity: str = "an administrator"
    decisive: bool = False

    def doubted(self, why: str) -> "Shown":
        """The same where what gives it its meaning did not happen."""
        return replace(self, outcome=Outcome.UNPROVEN, seen=f"{self.seen}; but {why}")


def observed(shown: Shown, tenant: str = "") -> Observation:
    """The case as an observation of SR3.

    Args:
        shown: The case.
        tenant: Whose; empty where it is no tenant's.
    """
    return Observation(
        probe=Probe.BUDGETS,
        case=shown.case,
        control=ControlId.SR3,
        attack=shown.attack,
        tenant=tenant,
        identity=shown.identity,
        about=shown.about,
        outcome=shown.outcome,
        seen=shown.seen,
        source=SOURCE,
        decisive=shown.decisive,
    )
