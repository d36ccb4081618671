"""What a change does to controls, waivers and what the posture finds."""

import datetime
from collections.abc import Iterator, Mapping

from infra.config.stack import StackConfig
from infra.config.trust import ControlId, Waiver
from infra.controls.catalogue import CONTROLS
from infra.diff.model import ControlChange, WaiverChange, WaiverEvent
from infra.trust.control import Control
from infra.trust.posture import ControlPosture, Finding, Posture, Severity
from infra.trust.resolver import EXPIRY_NOTICE


def control_changes(before: Posture | None, after: Posture | None) -> tuple[ControlChange, ...]:
    """The controls whose state differs or that are missing afterwards: lost, missing, then the rest."""
    changes = [_control_change(control, before, after) for control in CONTROLS]
    told = [change for change in changes if change.before is not change.after or change.missing]
    return tuple(sorted(told, key=lambda change: (not change.lost, not change.missing, not change.gained)))


def _control_change(control: Control, before: Posture | None, after: Posture | None) -> ControlChange:
    was, now = _row(before, control.id), _row(after, control.id)
    row = now or was
    return ControlChange(
        control=control,
        before=was.state if was else None,
        after=now.state if now else None,
        because=row.because if row else "",
        required_by=now.required_by if now else (),
    )


def _row(posture: Posture | None, control: ControlId) -> ControlPosture | None:
    return posture.of(control) if posture else None


def waiver_changes(
    before: StackConfig | None, after: StackConfig | None, today: datetime.date
) -> tuple[WaiverChange, ...]:
    """Waivers that came, went, changed or are about to end; those that alarm first, then by control.

    Of several waivers of one control the first that has not ended counts, as in the posture.
    """
    was, now = _live(before, today), _live(after, today)
    changes = [change for control in ControlId for change in _waiver_changes(was.get(control), now.get(control), today)]
    return tuple(sorted(changes, key=lambda change: not change.event.alarms))


def _live(config: StackConfig | None, today: datetime.date) -> Mapping[ControlId, Waiver]:
    live: dict[ControlId, Waiver] = {}
    for waiver in config.trust.waivers if config else ():
        if waiver.expires > today:
            live.setdefault(waiver.control, waiver)
    return live


def _waiver_changes(was: Waiver | None, now: Waiver | None, today: datetime.date) -> Iterator[WaiverChange]:
    if now is None:
        if was is not None:
            yield _waiver_change(was, WaiverEvent.REMOVED, was)
        return
    if was is None:
        yield _waiver_change(now, WaiverEvent.ADDED, None)
    elif now.expires > was.expires:
        yield _waiver_change(now, WaiverEvent.EXTENDED, was)
    elif now != was:
        yield _waiver_change(now, WaiverEvent.CHANGED, was)
    if now.expires - today <= EXPIRY_NOTICE:
        yield _waiver_change(now, WaiverEvent.ENDS_SOON, was)


def _waiver_change(waiver: Waiver, event: WaiverEvent, was: Waiver | None) -> WaiverChange:
    return WaiverChange(
        control=waiver.control,
        event=event,
        owner=waiver.owner,
        reason=waiver.reason,
        expires=waiver.expires,
        expired_before=was.expires if was else None,
    )


def new_warnings(before: Posture | None, after: Posture | None) -> tuple[Finding, ...]:
    """The warnings that are new; those of waivers at work are told as waivers."""
    known = {(finding.control, finding.message) for finding in before.findings} if before else set[object]()
    return tuple(
        finding
        for finding in (after.findings if after else ())
        if finding.severity is Severity.WARNING
        # Only a waiver that counts has a day that is due.
        and not finding.due
        and (finding.control, finding.message) not in known
    )
