"""Whom Prometheus asks, and what it may keep of the answers."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from components.observability.scraping import IDENTITY_LABELS, Targets, configuration, scrape_configs, scraped
from tests.unit.components.observability.parts import TARGETS, prometheus_part, without_cache


def jobs(targets: Targets = TARGETS, **changes: Any) -> dict[str, Any]:
    return {job["job_name"]: job for job in scrape_configs(prometheus_part(**changes), targets)}


def test_every_part_of_the_platform_has_a_job() -> None:
    assert sorted(jobs()) == ["cache", "database", "engine", "gateway", "kueue", "prometheus", "tenants"]


def test_what_is_not_there_is_not_asked() -> None:
    assert "cache" not in jobs(**without_cache())
    assert "gateway" not in jobs(replace(TARGETS, gateway=replace(TARGETS.gateway, metrics_port=None)))
    assert "kyverno" in jobs(replace(TARGETS, kyverno_namespace="kyverno"))


def test_nothing_is_found_through_the_api_server() -> None:
    for job in jobs().values():
        assert not [key for key in job if key.endswith("_sd_configs") and key != "dns_sd_configs"]


def test_a_pod_is_found_by_the_platforms_labels_in_the_platforms_own_namespace() -> None:
    own = {TARGETS.gateway.namespace, TARGETS.quota.namespace, *(engine.namespace for engine in TARGETS.engines)}

    for target in scraped(prometheus_part(), TARGETS):
        assert target.namespace in own
        assert "app.kubernetes.io/name" in dict(target.pods)
        assert target.host == f"{target.service}.{target.namespace}.svc.cluster.local"


def test_each_engine_is_told_by_its_model() -> None:
    (rule,) = [rule for rule in jobs()["engine"]["relabel_configs"] if rule["target_label"] == "model"]
    hosts = [discovery["names"][0] for discovery in jobs()["engine"]["dns_sd_configs"]]
    models = [re.sub(rule["regex"], r"\1", host) for host in hosts]

    assert models == ["llama-8b", "tiny"]


def test_a_token_is_shown_to_kueue_alone() -> None:
    assert [name for name, job in jobs().items() if "authorization" in job] == ["kueue"]


@pytest.mark.parametrize("label", ["api_key_alias", "end_user", "hashed_api_key", "user", "user_email", "client_ip"])
def test_no_series_of_the_gateway_says_who_asked(label: str) -> None:
    dropped = [
        rule["regex"] for rule in jobs()["gateway"]["metric_relabel_configs"] if rule.get("action") == "labeldrop"
    ]

    assert re.fullmatch(dropped[0], label)
    assert re.fullmatch(IDENTITY_LABELS, label)


def test_a_tenants_team_becomes_the_tenant() -> None:
    rule = jobs()["gateway"]["metric_relabel_configs"][0]

    assert rule["target_label"] == "tenant"
    assert re.fullmatch(rule["regex"], "bulkhead-research").group(1) == "research"  # pyright: ignore[reportOptionalMemberAccess]


def test_alerts_go_where_the_operator_says_and_nowhere_else() -> None:
    assert "alerting" not in yaml.safe_load(configuration(prometheus_part(), TARGETS))
    told = yaml.safe_load(configuration(prometheus_part(alertmanagers=("alertmanager.monitoring.svc:9093",)), TARGETS))

    assert told["alerting"]["alertmanagers"] == [
        {"static_configs": [{"targets": ["alertmanager.monitoring.svc:9093"]}]}
    ]
