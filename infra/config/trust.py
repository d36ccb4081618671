"""`bulkhead:trust`: how far tenants are trusted, and which controls are switched on or waived."""

from enum import StrEnum

from pydantic import Field

from infra.config import forms
from infra.config.admission import AdmissionSettings
from infra.config.base import Day, StackFilePart


class Tier(StrEnum):
    """The trust tiers, from the most trusting to the least; each includes the controls of those before it."""

    TRUSTED = "trusted"
    GOVERNED = "governed"
    PARTITIONED = "partitioned"
    ADVERSARIAL = "adversarial"

    @property
    def rank(self) -> int:
        """Position in the order of hardening: 0 for `trusted`."""
        return list(Tier).index(self)


class TenantRelation(StrEnum):
    """What the operator declares of the tenants towards each other."""

    COOPERATIVE = "cooperative"
    DISTRUSTING = "distrusting"
    UNTRUSTED = "untrusted"


class ControlId(StrEnum):
    """Every control's id; what each is stands in `infra/controls`."""

    AC1 = "AC1"
    AC2 = "AC2"
    AC3 = "AC3"
    SR1 = "SR1"
    SR2 = "SR2"
    SR3 = "SR3"
    NS1 = "NS1"
    NS2 = "NS2"
    NS3 = "NS3"
    NS4 = "NS4"
    KV1 = "KV1"
    KV2 = "KV2"
    KV3 = "KV3"
    HW1 = "HW1"
    HW2 = "HW2"
    HW3 = "HW3"


WAIVED_DAYS_AT_MOST = 366
"""Days: a year, also where it is a leap year. Somebody has to think again once in that time."""


class Waiver(StackFilePart):
    """A control that the facts require and that is knowingly not enforced, for a time."""

    control: ControlId
    """The control that is waived, by id."""
    owner: str = Field(pattern=forms.WORDS.pattern, max_length=200, examples=["platform-team@example.com"])
    """Who answers for the risk while it is waived: a person or a team that can be reached."""
    reason: str = Field(
        pattern=forms.WORDS.pattern,
        max_length=2000,
        examples=["Engines are reachable by agreement only until the rollout in May."],
    )
    """Why it is waived, in words that a reviewer can judge."""
    expires: Day = Field(examples=["2027-03-31"])
    """The day, as YYYY-MM-DD, from which the waiver no longer counts: at most 366 days ahead."""


class AllowedLowering(StackFilePart):
    """Permission to lower the tier that is deployed; it permits nothing once a lower tier is deployed."""

    from_tier: Tier = Field(examples=["partitioned"])
    """The deployed tier that may be left for a lower one."""
    reason: str = Field(
        pattern=forms.WORDS.pattern, max_length=2000, examples=["The second team has left, and its namespace with it."]
    )
    """Why its controls may go, in words that a reviewer can judge."""


class Trust(StackFilePart):
    """The trust tier and what is declared of the tenants."""

    tier: Tier = Tier.TRUSTED
    """The tier in force: every control of it and of the tiers below it is enforced."""
    tenants: TenantRelation = TenantRelation.COOPERATIVE
    """What the operator declares of the tenants: they cooperate, distrust each other, or may attack each other."""
    enable: tuple[ControlId, ...] = Field(default=(), examples=[["SR1"]])
    """Controls switched on above the tier, by id."""
    waivers: tuple[Waiver, ...] = Field(
        default=(),
        examples=[
            [{"control": "SR1", "owner": "platform-team@example.com", "reason": "Until May.", "expires": "2027-05-01"}]
        ],
    )
    """Controls that the facts require but that are knowingly not enforced."""
    allow_lowering: AllowedLowering | None = None
    """Permission to lower the deployed tier; without it a lower tier is refused, since what it protects would lie
    open."""
    admission: AdmissionSettings = AdmissionSettings()
    """How the admission policies judge."""
