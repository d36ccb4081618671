"""Who asks for a control: the tier, or the stack file by the control's id."""

from infra.config.trust import ControlId, Tier, Trust


def asks_for(control: ControlId, trust: Trust, since: Tier = Tier.ADVERSARIAL) -> bool:
    """Whether a control is asked for.

    Args:
        control: The control.
        trust: What the stack file says.
        since: The tier that brings the control.
    """
    return by_tier(trust, since) or control in trust.enable


def asker(control: ControlId, trust: Trust, since: Tier = Tier.ADVERSARIAL) -> str:
    """Who asks for a control that is asked for, as a refusal names it.

    Where both do it is the tier: without the id the control would be asked for all the same.
    """
    return f"tier {trust.tier}" if by_tier(trust, since) or control not in trust.enable else "bulkhead:trust.enable"


def by_tier(trust: Trust, since: Tier = Tier.ADVERSARIAL) -> bool:
    """Whether the tier brings what `since` does."""
    return trust.tier.rank >= since.rank
