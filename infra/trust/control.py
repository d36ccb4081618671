"""What a control is: one row of the catalogue."""

from dataclasses import dataclass

from infra.config.trust import ControlId, Tier


@dataclass(frozen=True)
class Control:
    """A measure that keeps tenants from each other's money, work or data.

    Attributes:
        id: The id by which stack files, labels, tests and probes refer to it.
        title: What it does, in a few words.
        enforced_from: The lowest tier that enforces it; tiers are cumulative, so every tier above does as well.
        assumption: What is taken for granted while it is dormant; when this changes, the control is required.
        mechanism: How it works: the objects or settings that realise it.
        verification: How a person or a probe tells that it holds.
        at_risk: What can happen where it is required and missing.
    """

    id: ControlId
    title: str
    enforced_from: Tier
    assumption: str
    mechanism: str
    verification: str
    at_risk: str
