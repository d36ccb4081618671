"""From an answer to what it says of a control."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.audit.corpus import Case
from infra.audit.mechanism import Mechanism, Refusal
from infra.audit.results import Outcome
from infra.config.trust import ControlId

MECHANISM_WORDS: Mapping[Mechanism, str] = {
    Mechanism.POLICY: "an admission policy",
    Mechanism.WEBHOOK: "a webhook",
    Mechanism.POD_SECURITY: "Pod Security",
    Mechanism.QUOTA: "the quota",
    Mechanism.UNCOUNTED: "a quota that has not counted its kind yet",
    Mechanism.LIMITS: "the limit range",
    Mechanism.ROLE: "the role",
    Mechanism.CORE: "the API server's own rules",
    Mechanism.ABSENT: "the absence of what it names",
    Mechanism.OUTAGE: "a webhook that does not answer",
    Mechanism.BUSY: "an API server that is too busy",
    Mechanism.IMPERSONATION: "the cluster, where whoever audits may not act as whoever may ask for it",
    Mechanism.UNCLEAR: "something unknown",
}
"""What each is called in an observation."""

_UNASKED = frozenset({Mechanism.ABSENT, Mechanism.BUSY, Mechanism.IMPERSONATION})
"""What refuses a request before anybody has looked at whether it may be made."""


@dataclass(frozen=True)
class Seen:
    """How one request was answered.

    Attributes:
        refusal: Why it was refused; None: it was accepted.
        behind_the_role: The second answer, where the first one was not about the case: what came of the same request
            by somebody with the rights to make it. None where the request was not repeated.
        not_played: Why it was not made at all; empty when it was.
        declared: Whether the identity is one that the stack file declares and gives rights to.
        warning: What the server warned of, as a policy that only audits does; empty when it did not.
    """

    refusal: Refusal | None = None
    behind_the_role: "Seen | None" = None
    not_played: str = ""
    declared: bool = True
    warning: str = ""

    @property
    def words(self) -> str:
        """What happened, in one line."""
        if self.not_played:
            return self.not_played
        admitted = f"admitted with the warning: {self.warning}" if self.warning else "admitted"
        own = f"refused by {_words(self.refusal)}" if self.refusal else admitted
        return f"{own}; asked with the rights to: {self.behind_the_role.words}" if self.behind_the_role else own


def judged(case: Case, seen: Seen, claimed: frozenset[ControlId]) -> Outcome:
    """What `seen` says of the case's control.

    Legitimate work has to pass in every tier; an attack is judged only where the control is claimed.
    """
    if case.is_attack:
        return _attack(case, seen) if case.control in claimed else Outcome.NOT_CLAIMED
    return _legitimate(seen)


def _attack(case: Case, seen: Seen) -> Outcome:
    if seen.not_played:
        return Outcome.UNPROVEN
    if seen.refusal is None:
        return Outcome.FAILS
    if seen.refusal.mechanism in case.by:
        return Outcome.HOLDS if _is_the_controls_own(seen.refusal, case.control) else Outcome.UNPROVEN
    if seen.behind_the_role is not None:
        return _attack(case, seen.behind_the_role)
    if case.by == (Mechanism.ROLE,) and seen.refusal.mechanism not in _UNASKED:
        # Roles are asked before anything else: whatever refused came after the role had said yes.
        return Outcome.FAILS
    return Outcome.UNPROVEN


def _legitimate(seen: Seen) -> Outcome:
    if seen.not_played:
        return Outcome.UNPROVEN
    if seen.refusal is None:
        return Outcome.HOLDS
    if seen.refusal.mechanism in {*_UNASKED, Mechanism.QUOTA, Mechanism.UNCOUNTED}:
        # Work that might pass if something were installed, if the server had had time, if whoever audits could ask as
        # whoever may, or if the tenant had not used up what it may have, as far as that is known.
        return Outcome.UNPROVEN
    if seen.behind_the_role is not None and not seen.declared:
        return _legitimate(seen.behind_the_role)
    return Outcome.FAILS


def _is_the_controls_own(refusal: Refusal, control: ControlId) -> bool:
    """Whether a policy's refusal names the control; other mechanisms are the control's own by being in `by`."""
    return refusal.mechanism is not Mechanism.POLICY or control.lower() in refusal.message.lower()


def _words(refusal: Refusal | None) -> str:
    if refusal is None:
        return ""
    return f"{MECHANISM_WORDS[refusal.mechanism]} ({refusal.message})"
