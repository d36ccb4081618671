"""Trust: waivers that count for a time, and controls named once. What a tier must enforce is the posture's to say."""

import datetime
from collections.abc import Iterator

from infra.config.draft import Draft, at
from infra.config.problem import Problem
from infra.config.trust import WAIVED_DAYS_AT_MOST, ControlId, Trust


def check_trust(draft: Draft) -> Iterator[Problem]:
    """Expired, endless, repeated and contradictory waivers, and repeated controls."""
    trust = draft.trust
    if trust is None:
        return
    if draft.today is not None:
        yield from _ends_of_waivers(trust, draft.today)
    yield from _repeated(trust)
    yield from _idle_permission(trust)


def _ends_of_waivers(trust: Trust, today: datetime.date) -> Iterator[Problem]:
    for index, waiver in enumerate(trust.waivers):
        where, left = at("trust", "waivers", index, "expires"), (waiver.expires - today).days
        if left <= 0:
            yield Problem(
                where,
                f"the waiver of {waiver.control} expired on {waiver.expires.isoformat()}",
                "nobody answers any longer for the control's absence",
                f"a tier that enforces {waiver.control}, or a later day if its owner renews the waiver",
            )
        elif left > WAIVED_DAYS_AT_MOST:
            latest = today + datetime.timedelta(days=WAIVED_DAYS_AT_MOST)
            yield Problem(
                where,
                f"the waiver of {waiver.control} lasts until {waiver.expires.isoformat()}, {left:,} days from today"
                f" ({today.isoformat()})",
                "it would outlive whoever answers for the control's absence, and nobody would be asked again",
                f"{latest.isoformat()} or sooner, {WAIVED_DAYS_AT_MOST} days ahead at most; its owner may renew it",
            )


def _idle_permission(trust: Trust) -> Iterator[Problem]:
    allowed = trust.allow_lowering
    if allowed is not None and allowed.from_tier.rank <= trust.tier.rank:
        yield Problem(
            at("trust", "allow_lowering", "from_tier"),
            f"nothing is lowered by going from {allowed.from_tier} to {trust.tier}",
            "the permission could permit nothing, though it looks as if it did",
            "the deployed tier, which is above the one in `tier`; or remove allow_lowering",
        )


def _repeated(trust: Trust) -> Iterator[Problem]:
    waived: set[ControlId] = set()
    for index, waiver in enumerate(trust.waivers):
        if waiver.control in waived:
            yield Problem(
                at("trust", "waivers", index, "control"),
                f"{waiver.control} is waived twice",
                "it would not be clear who answers for it, and until when",
                "one waiver for each control",
            )
        waived.add(waiver.control)
    for index, control in enumerate(trust.enable):
        if control in trust.enable[:index]:
            yield Problem(
                at("trust", "enable", index),
                f"{control} is listed twice",
                "one of the two was probably meant to be another control, which would stay off",
                "each control once",
            )
        elif control in waived:
            yield Problem(
                at("trust", "enable", index),
                f"{control} is switched on here and waived under `waivers`",
                "it would not be clear whether it should hold",
                f"remove {control} here, or its waiver",
            )
