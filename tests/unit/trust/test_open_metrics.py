"""Where no NetworkPolicy is enforced, a posture says who can read what Prometheus knows."""

import pytest

from infra.posture import posture_of
from infra.trust.posture import Finding, Severity
from tests.unit.config.documents import TODAY, sound


def readable(kind: str, *, enforces: bool) -> list[Finding]:
    config = sound({"observability": {"kind": kind}, "cluster.enforces_network_policy": enforces})
    findings = posture_of("test", config, TODAY).findings
    return [finding for finding in findings if finding.path.startswith("bulkhead:observability")]


def test_metrics_that_every_pod_can_read_are_warned_of_with_what_to_write() -> None:
    (finding,) = readable("prometheus", enforces=False)

    assert (finding.severity, finding.control, finding.path) == (
        Severity.WARNING,
        None,
        "bulkhead:observability.kind",
    )
    assert "every pod of the cluster" in finding.message
    assert "Write: bulkhead:cluster.enforces_network_policy: true" in finding.message


@pytest.mark.parametrize(("kind", "enforces"), [("prometheus", True), ("none", False), ("none", True)])
def test_where_policies_keep_readers_out_or_nothing_is_watched_nothing_is_said(kind: str, enforces: bool) -> None:
    assert not readable(kind, enforces=enforces)
