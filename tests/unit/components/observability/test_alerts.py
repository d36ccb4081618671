"""The alerts: sound names, what to do, and none about what is not there."""

import re

import pytest
import yaml

from components.observability.alerts import ALERTS, Alert, Watched, anchor, rules

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def alert_names(watched: Watched) -> set[str]:
    return {
        rule["alert"]
        for group in yaml.safe_load(rules(watched))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


@each_alert
def test_an_alert_says_what_is_affected_and_what_to_do(alert: Alert) -> None:
    assert alert.summary
    assert alert.action.endswith(".")
    assert alert.minutes > 0
    assert re.fullmatch(r"([A-Z][a-z]+)+", alert.name)


def test_an_alert_leads_to_its_runbook() -> None:
    written = yaml.safe_load(rules(Watched(("tiny",), has_cache=True)))["groups"][1]["rules"]

    for rule in written:
        assert rule["annotations"]["runbook"] == f"docs/reference/alerts.md#{anchor(rule['alert'])}"


def test_nothing_cries_about_a_part_that_the_platform_does_not_have() -> None:
    assert alert_names(Watched(("tiny",), has_cache=True)) - alert_names(Watched(("tiny",), has_cache=False)) == {
        "CacheDown"
    }
    assert "DatabaseVolumeFilling" not in alert_names(Watched((), has_cache=False))
    assert "DatabaseVolumeFilling" in alert_names(Watched((), has_cache=False, database_bytes=1))
    assert "KyvernoDown" not in alert_names(Watched(("tiny",), has_cache=True))
    assert "KyvernoDown" in alert_names(Watched(("tiny",), has_cache=True, has_kyverno=True))


def test_each_model_is_expected_by_name() -> None:
    recorded = yaml.safe_load(rules(Watched(("b", "a"), has_cache=False)))["groups"][0]["rules"]

    assert [rule["labels"]["model"] for rule in recorded if rule["record"] == "bulkhead:engine_expected"] == ["a", "b"]
