"""A gateway that serves on without its database checks no key, and the posture says so."""

from infra.config.trust import ControlId
from infra.trust.posture import Severity
from tests.unit.trust.stacks import document, posture_of


def test_serving_without_a_database_is_announced_as_keys_that_nobody_checks() -> None:
    posture = posture_of({**document(), "gateway": {"database_outage": "serve"}})
    (finding,) = [finding for finding in posture.findings if "Keys are not checked" in finding.message]
    assert finding.severity is Severity.WARNING
    assert finding.control is ControlId.AC1
    assert finding.path == "bulkhead:gateway.database_outage"
    assert posture.sound


def test_refusing_is_the_default_and_needs_no_word() -> None:
    for parts in (document(), {**document(), "gateway": {"database_outage": "refuse"}}):
        assert all("Keys are not checked" not in finding.message for finding in posture_of(parts).findings)
