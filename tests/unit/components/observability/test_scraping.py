"""Whom Prometheus asks, and what it may keep of the answers."""

import re
from typing import Any

import pytest
import yaml

from components.observability.scraping import IDENTITY_LABELS, Targets, configuration, scrape_configs
from tests.unit.components.observability.parts import TARGETS, prometheus_part, without_cache


def jobs(targets: Targets = TARGETS, **changes: Any) -> dict[str, Any]:
    return {job["job_name"]: job for job in scrape_configs(prometheus_part(**changes), targets)}


def test_every_part_of_the_platform_has_a_job() -> None:
    assert sorted(jobs()) == [
        "cache",
        "containers",
        "database",
        "engine",
        "gateway",
        "kubelet",
        "kueue",
        "prometheus",
        "tenants",
    ]


def test_a_cache_that_is_not_there_is_not_asked() -> None:
    assert "cache" not in jobs(**without_cache())


def test_pods_are_looked_up_in_the_platforms_own_namespaces_alone() -> None:
    for job in jobs().values():
        for discovery in job.get("kubernetes_sd_configs", []):
            assert discovery["role"] == "node" or set(discovery["namespaces"]["names"]) <= set(TARGETS.namespaces)


def test_a_pod_is_asked_by_the_platforms_label_and_a_known_port() -> None:
    for name in ("cache", "database", "engine", "gateway", "kueue", "tenants"):
        kept = {
            rule["source_labels"][0]: rule["regex"]
            for rule in jobs()[name]["relabel_configs"]
            if rule.get("action") == "keep"
        }
        assert "__meta_kubernetes_pod_label_app_kubernetes_io_name" in kept
        assert any("container_port" in label for label in kept), name


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


def test_kubelets_are_checked_unless_their_certificates_cannot_be() -> None:
    assert "ca_file" in jobs(verify_kubelets=True)["kubelet"]["tls_config"]
    assert jobs(verify_kubelets=False)["kubelet"]["tls_config"] == {"insecure_skip_verify": True}


def test_only_memory_cpu_and_volumes_are_kept_of_what_a_kubelet_tells() -> None:
    (keep, _) = jobs()["containers"]["metric_relabel_configs"]

    assert re.fullmatch(keep["regex"], "container_memory_working_set_bytes")
    assert not re.fullmatch(keep["regex"], "container_network_receive_bytes_total")


def test_alerts_go_where_the_operator_says_and_nowhere_else() -> None:
    assert "alerting" not in yaml.safe_load(configuration(prometheus_part(), TARGETS))
    told = yaml.safe_load(configuration(prometheus_part(alertmanagers=("alertmanager.monitoring.svc:9093",)), TARGETS))

    assert told["alerting"]["alertmanagers"] == [
        {"static_configs": [{"targets": ["alertmanager.monitoring.svc:9093"]}]}
    ]
