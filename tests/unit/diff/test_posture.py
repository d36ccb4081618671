"""What a change does to trust stands first and is never left out."""

import datetime

from infra.config.trust import ControlId
from infra.diff.model import WaiverEvent
from infra.trust.posture import ControlState
from tests.unit.diff.changes import GKE, changed, difference, waiver

GOVERNED = changed(trust={"tier": "governed"})


def test_two_equal_sides_have_no_difference() -> None:
    same = difference(GKE, GKE)

    assert not (same.controls or same.waivers or same.warnings or same.tenants or same.models or same.settings)
    assert not (same.capacity.pools or same.caches or same.secrets or same.errors)


def test_raising_the_tier_gains_its_controls_and_loses_none() -> None:
    raised = difference(GKE, GOVERNED)

    assert [change.control.id for change in raised.gained] == [ControlId.SR1, ControlId.SR2, ControlId.SR3]
    assert not raised.lost


def test_lowering_the_tier_loses_its_controls_even_where_waivers_answer_for_them() -> None:
    lowered = difference(GOVERNED, GKE)

    assert [change.control.id for change in lowered.lost] == [ControlId.SR1, ControlId.SR2, ControlId.SR3]
    assert {change.after for change in lowered.lost} == {ControlState.WAIVED}
    assert [waived.event for waived in lowered.waivers] == [WaiverEvent.ADDED] * 3


def test_a_control_that_is_only_audited_afterwards_is_lost() -> None:
    audited = difference(GOVERNED, changed(GOVERNED, trust__admission={"enforcement": "audit"}))

    assert [change.control.id for change in audited.lost] == [ControlId.SR2]
    assert [finding.control for finding in audited.errors] == [ControlId.SR2]


def test_a_required_control_that_is_missing_is_told_also_where_it_was_missing_before() -> None:
    unsound = changed(trust={"waivers": [waiver("SR1"), waiver("SR2")]})

    assert [change.control.id for change in difference(GKE, unsound).lost] == [ControlId.SR3]
    assert [change.control.id for change in difference(unsound, unsound).lost] == [ControlId.SR3]


def test_a_waiver_that_lasts_longer_alarms_and_one_that_lasts_shorter_does_not() -> None:
    longer = changed(trust={"waivers": [waiver("SR1", "2027-09-01"), waiver("SR2"), waiver("SR3")]})

    (extended,) = difference(GKE, longer).waivers
    (shortened,) = difference(longer, GKE).waivers

    assert (extended.event, extended.expired_before) == (WaiverEvent.EXTENDED, datetime.date(2027, 6, 1))
    assert extended.event.alarms
    assert (shortened.event, shortened.event.alarms) == (WaiverEvent.CHANGED, False)


def test_a_waiver_that_is_about_to_end_alarms_though_nobody_touched_it() -> None:
    fortnight_before = datetime.date(2027, 5, 18)

    assert not difference(GKE, GKE, fortnight_before - datetime.timedelta(days=1)).waivers
    soon = difference(GKE, GKE, fortnight_before)
    assert [(one.control, one.event) for one in soon.waivers] == [
        (ControlId.SR1, WaiverEvent.ENDS_SOON),
        (ControlId.SR2, WaiverEvent.ENDS_SOON),
        (ControlId.SR3, WaiverEvent.ENDS_SOON),
    ]


def test_another_owner_of_a_waiver_is_told() -> None:
    handed_on = changed(trust={"waivers": [waiver("SR1", owner="new@example.com"), waiver("SR2"), waiver("SR3")]})

    (change,) = difference(GKE, handed_on).waivers

    assert (change.event, change.owner) == (WaiverEvent.CHANGED, "new@example.com")


def test_a_warning_is_told_once_it_is_new_and_not_again() -> None:
    serving = changed(gateway={"database_outage": "serve"})

    assert [finding.path for finding in difference(GKE, serving).warnings] == ["bulkhead:gateway.database_outage"]
    assert not difference(serving, serving).warnings


def test_a_new_stack_gains_and_a_stack_that_goes_loses() -> None:
    assert {change.control.id for change in difference(None, GOVERNED).gained} >= {ControlId.SR1, ControlId.AC1}
    gone = difference(GOVERNED, None)
    assert {change.control.id for change in gone.lost} >= {ControlId.SR1, ControlId.AC1}
    assert gone.after == "nothing"
