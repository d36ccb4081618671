"""What holds of every posture, over generated configurations."""

import itertools
import json
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.config.paths import exists
from infra.config.trust import ControlId, TenantRelation, Tier
from infra.posture import platform_of
from infra.report.posture_json import posture_json
from infra.trust.posture import ControlState
from tests.unit.trust.generated import availabilities, documents
from tests.unit.trust.stacks import EVERY_CONTROL, TODAY, Document, config_of, posture_of, required

anytime = settings(deadline=None)
"""A busy machine must not decide whether a property holds."""


def with_trust(parts: Document, **changes: object) -> Document:
    return {**parts, "trust": {**cast("Document", parts.get("trust", {})), **changes}}


@anytime
@given(documents(), availabilities)
def test_raising_the_tier_never_removes_a_control(parts: Document, available: frozenset[ControlId]):
    in_force = [posture_of(with_trust(parts, tier=str(tier)), available).in_force for tier in Tier]
    for lower, higher in itertools.pairwise(in_force):
        assert lower <= higher


@anytime
@given(documents(), st.sampled_from(list(ControlId)))
def test_switching_a_control_on_never_removes_another(parts: Document, control: ControlId):
    enabled = cast("list[str]", cast("Document", parts.get("trust", {})).get("enable", []))
    assert posture_of(parts).in_force <= posture_of(with_trust(parts, enable=[*enabled, str(control)])).in_force


@anytime
@given(documents())
def test_trusting_tenants_less_never_drops_a_requirement(parts: Document):
    found = [required(posture_of(with_trust(parts, tenants=str(relation)))) for relation in TenantRelation]
    assert found[0] <= found[1] <= found[2]


@anytime
@given(documents(), availabilities)
def test_every_control_has_one_state_and_only_available_ones_act(parts: Document, available: frozenset[ControlId]):
    posture = posture_of(parts, available)
    assert [row.control.id for row in posture.controls] == list(ControlId)
    assert posture.in_force <= available


@anytime
@given(documents(), availabilities)
def test_every_finding_names_a_key_of_the_file(parts: Document, available: frozenset[ControlId]):
    written = {f"bulkhead:{key}": value for key, value in parts.items()}
    for finding in posture_of(parts, available).findings:
        assert exists(written, finding.path), finding.path


@anytime
@given(documents(), availabilities)
def test_a_posture_is_sound_exactly_when_nothing_required_is_left_open(
    parts: Document, available: frozenset[ControlId]
):
    parts = {**parts, "tenants": [{**each, "sensitive": False} for each in cast("list[Document]", parts["tenants"])]}
    parts["cluster"] = {"kind": "existing", "context": "test", "enforces_network_policy": True}
    posture = posture_of(parts, available)
    waived = {str(row.control.id) for row in posture.controls if row.state is ControlState.WAIVED}
    trust = config_of(parts).trust
    asked = {row.control.id for row in posture.controls if row.control.enforced_from.rank <= trust.tier.rank}
    asked |= set(trust.enable)
    assert posture.sound == (required(posture) <= posture.in_force | waived and asked <= available)


@anytime
@given(documents(), availabilities)
def test_a_waived_control_is_required_does_not_act_and_is_warned_of(parts: Document, available: frozenset[ControlId]):
    posture = posture_of(parts, available)
    for row in posture.controls:
        if row.state is ControlState.WAIVED:
            assert row.required_by
            warned = [finding for finding in posture.warnings if finding.control is row.control.id]
            assert any("is waived until" in finding.message for finding in warned)


@anytime
@given(documents())
def test_every_waiver_leads_to_exactly_one_warning(parts: Document):
    waivers = config_of(parts).trust.waivers
    warned = [
        finding.path for finding in posture_of(parts).warnings if finding.path.startswith("bulkhead:trust.waivers")
    ]
    assert sorted(warned) == sorted(f"bulkhead:trust.waivers[{index}]" for index in range(len(waivers)))


@anytime
@given(documents())
def test_the_real_catalogue_judges_every_configuration(parts: Document):
    platform = platform_of("test", config_of(parts), TODAY)
    assert platform.posture.in_force <= EVERY_CONTROL
    assert all(bool(row.objects) == row.state.acts for row in platform.posture.controls)
    assert json.loads(posture_json(platform.posture))["stack"] == "test"
