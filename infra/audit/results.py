"""What an audit saw, and what that says."""

from dataclasses import dataclass
from enum import StrEnum

from infra.config.trust import ControlId


class Probe(StrEnum):
    """The ways to look."""

    ADMISSION = "admission"
    PACKETS = "packets"
    ACCESS = "access"
    CACHES = "caches"
    BUDGETS = "budgets"
    NODES = "nodes"


class Outcome(StrEnum):
    """What one case says."""

    HOLDS = "holds"
    """The answer is the one that the control promises, and the control's own mechanism gave it."""
    FAILS = "fails"
    """An attack got through, or legitimate work did not."""
    UNPROVEN = "unproven"
    """Nothing follows: the kind is not installed, or something else answered first."""
    NOT_THERE = "not_there"
    """What it is about is not there, as nodes of a pool that is scaled to zero: said, and no doubt of the control."""
    NOT_CLAIMED = "not_claimed"
    """The stack does not claim the control; what was seen is reported and judged by nobody."""


PLATFORM = "the platform"
"""Whose an observation is in words, where it is no tenant's."""


@dataclass(frozen=True)
class Observation:
    """One case for one tenant.

    Attributes:
        probe: How it was looked at.
        case: The case's id.
        control: The control that answers for it.
        attack: Whether it had to be refused; else it had to pass.
        tenant: Whose place it was about; empty where it is no tenant's.
        identity: Who asked, in words.
        about: What was asked.
        outcome: What the answer says.
        seen: The answer, in words.
        source: Where the attack or the need is known from.
        decisive: Whether the control is unproven where this case is, whatever others show.
    """

    probe: Probe
    case: str
    control: ControlId
    attack: bool
    tenant: str
    identity: str
    about: str
    outcome: Outcome
    seen: str
    source: str
    decisive: bool = False
