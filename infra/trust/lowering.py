"""Lowering a tier: what is deployed loses controls that somebody may rely on, so it takes a written reason.

The deployed posture is an output of the stack (`posture`), so that the comparison needs no cluster.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from infra.config.trust import AllowedLowering, ControlId, Tier
from infra.trust.posture import ControlPosture, ControlState, Finding, Posture, Severity

TIER_KEY = "bulkhead:trust.tier"
PERMISSION_KEY = "bulkhead:trust.allow_lowering"


@dataclass(frozen=True)
class DeployedPosture:
    """What the last deployment of a stack claimed.

    Attributes:
        tier: Its tier.
        in_force: The controls that acted.
    """

    tier: Tier
    in_force: frozenset[ControlId]


def deployed_posture(document: object) -> DeployedPosture | None:
    """The posture that a stack's output `posture` tells of; None where nothing is deployed.

    Controls that this version does not know, as a newer one's, count for nothing: this version cannot keep them.

    Raises:
        ValueError: It tells of no tier that this version knows, so that nobody can say whether the tier is lowered.
    """
    if document is None:
        return None
    if not isinstance(document, Mapping):
        raise ValueError("the output `posture` is no document")
    known = cast("Mapping[str, Any]", document)
    tier = str(known.get("tier"))
    if tier not in list(Tier):
        raise ValueError(f"the output `posture` names the tier {tier}, which this version does not know")
    return DeployedPosture(Tier(tier), frozenset(_in_force(known.get("controls"))))


def _in_force(rows: object) -> Iterator[ControlId]:
    for row in cast("list[Mapping[str, Any]]", rows) if isinstance(rows, list) else ():
        acts = row.get("state") in {str(state) for state in ControlState if state.acts}
        if acts and row.get("id") in list(ControlId):
            yield ControlId(row["id"])


def with_lowering(posture: Posture, allowed: AllowedLowering | None, deployed: DeployedPosture | None) -> Posture:
    """`posture`, with what there is to say where it follows `deployed`.

    Args:
        posture: The stack file's.
        allowed: The stack file's permission.
        deployed: The last deployment's; None where nothing is deployed.
    """
    if deployed is None:
        return posture
    return replace(posture, findings=(*posture.findings, *_findings(posture, allowed, deployed)))


def _findings(posture: Posture, allowed: AllowedLowering | None, deployed: DeployedPosture) -> Iterator[Finding]:
    lost = tuple(row for row in posture.controls if row.control.id in deployed.in_force and not row.state.acts)
    permitted = allowed is not None and allowed.from_tier is deployed.tier
    if posture.tier.rank < deployed.tier.rank:
        if allowed is not None and permitted:
            yield Finding(Severity.WARNING, None, TIER_KEY, _lowered(posture.tier, allowed, lost))
        else:
            yield Finding(Severity.ERROR, None, TIER_KEY, _not_permitted(posture.tier, deployed.tier, lost))
    elif lost:
        yield Finding(Severity.WARNING, None, "bulkhead:trust", _lost(lost))
    if allowed is not None and not permitted:
        yield Finding(Severity.WARNING, None, PERMISSION_KEY, _useless(allowed, deployed.tier))


def _lowered(tier: Tier, allowed: AllowedLowering, lost: tuple[ControlPosture, ...]) -> str:
    return (
        f"The tier goes down from {allowed.from_tier} to {tier}. Reason: {allowed.reason.rstrip('.')}. {_lost(lost)}"
        " Remove bulkhead:trust.allow_lowering afterwards."
    )


def _not_permitted(tier: Tier, deployed: Tier, lost: tuple[ControlPosture, ...]) -> str:
    return (
        f"Tier {deployed} is deployed and the stack file says {tier}. {_lost(lost)} Write: tier: {deployed}; or, to"
        f" lower it, bulkhead:trust.allow_lowering: {{from_tier: {deployed}, reason: ...}}."
    )


def _lost(lost: tuple[ControlPosture, ...]) -> str:
    names = ", ".join(f"{row.control.id} ({row.control.title})" for row in lost)
    risks = "; ".join(row.control.at_risk for row in lost)
    return f"No longer in force: {names or 'nothing'}." + (f" At risk: {risks}." if risks else "")


def _useless(allowed: AllowedLowering, deployed: Tier) -> str:
    return (
        f"It permits to leave tier {allowed.from_tier}, and {deployed} is deployed: it has done its work, or never had"
        " any. Remove it, so that the next lowering is a decision of its own."
    )
