"""What a stack's configuration amounts to: each control's state, why, and what is wrong with it."""

from dataclasses import dataclass
from enum import StrEnum

from infra.config.trust import ControlId, TenantRelation, Tier
from infra.trust.control import Control


class ControlState(StrEnum):
    """Whether a control acts, and if not, whether somebody answers for that."""

    ENFORCED = "enforced"
    """The tier enforces it."""
    ADDED = "added"
    """It is switched on above the tier."""
    WAIVED = "waived"
    """It is required, does not act, and a waiver says who answers for that and until when."""
    DORMANT = "dormant"
    """It does not act."""

    @property
    def acts(self) -> bool:
        """Whether the control is in force."""
        return self in {ControlState.ENFORCED, ControlState.ADDED}


class Severity(StrEnum):
    """How much a finding weighs: an error stops a deployment, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """Something about a posture that a person has to know.

    Attributes:
        severity: Whether the stack may be deployed in spite of it.
        control: The control that it concerns.
        path: The key of the stack file to look at, or its nearest parent that the file holds.
        message: What is wrong, what follows, and what to write; the same on every day until something changes.
        due: How near the day is that the message names, as `127 days from now`; empty where it names none. For people
            only: in a document or in a stack's outputs it would be a difference every day.
    """

    severity: Severity
    control: ControlId | None
    path: str
    message: str
    due: str = ""


@dataclass(frozen=True)
class ControlPosture:
    """One control's state in one stack.

    Attributes:
        control: The catalogue's row.
        state: Whether it acts.
        because: Why it has that state.
        required_by: The facts of the stack that require it; empty when nothing does.
        objects: What realises it on the cluster, as `ClusterQueue/research`; empty when it does not act.
        audited: Whether it is there and only reports; it does not act then.
    """

    control: Control
    state: ControlState
    because: str
    required_by: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    audited: bool = False


@dataclass(frozen=True)
class Posture:
    """The trust posture of one stack.

    Attributes:
        stack: The stack's name.
        tier: The tier in force.
        tenants: What the operator declares of the tenants towards each other.
        controls: Every control's state, in the catalogue's order.
        findings: Errors first, then warnings, each in the catalogue's order.
    """

    stack: str
    tier: Tier
    tenants: TenantRelation
    controls: tuple[ControlPosture, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a deployment."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are shown and do not stop a deployment."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    @property
    def sound(self) -> bool:
        """Whether every control that the facts require is in force or knowingly waived, and can be."""
        return not self.errors

    @property
    def in_force(self) -> frozenset[ControlId]:
        """The controls that act."""
        return frozenset(row.control.id for row in self.controls if row.state.acts)

    @property
    def deployed(self) -> frozenset[ControlId]:
        """The controls that act, and those that only report: what a blueprint has to carry."""
        return self.in_force | frozenset(row.control.id for row in self.controls if row.audited)

    def of(self, control: ControlId) -> ControlPosture:
        """The state of one control; raises KeyError when the catalogue lacks it."""
        for row in self.controls:
            if row.control.id is control:
                return row
        raise KeyError(control)
