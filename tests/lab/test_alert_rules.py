"""Every alert fires when it should and is silent when it should be, by Prometheus' own rule tester."""

import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from components.observability.alerts import ALERTS, Alert, Watched, rules
from lab.errors import LabError
from lab.images import ImageBuildError, ImageName, ensure_images

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

WATCHED = Watched(models=("llama", "tiny"), has_cache=True, has_kyverno=True, database_bytes=100)
Series = Mapping[str, str]
"""Selector → values a minute, in promtool's notation: `1+2x60` is 1, 3, 5 and so on."""


@dataclass(frozen=True)
class Case:
    """What is seen, and for which labels the alert fires after `minutes`; empty: it does not."""

    alert: str
    title: str
    series: Series
    fires_for: tuple[Mapping[str, str], ...]
    minutes: int = 60


WORKLOADS = 'kueue_pending_workloads{cluster_queue="tenant-a", status="inadmissible"}'
ADMITTED = 'kueue_admitted_workloads_total{cluster_queue="tenant-a"}'
LITELLM, OTHER = 'pg_database_size_bytes{datname="litellm"}', 'pg_database_size_bytes{datname="postgres"}'
SPEND = 'bulkhead_tenant_spend_usd{tenant="a"}'
BUDGET = 'bulkhead_tenant_budget_usd{tenant="a"}'
LAST = "bulkhead_tenants_last_success_timestamp_seconds"
OK = 'litellm_proxy_total_requests_metric_total{status_code="200"}'
FAILED = 'litellm_proxy_total_requests_metric_total{status_code="503"}'
TINY = 'up{job="engine", model="tiny", instance="tiny-0"}'
LLAMA = 'up{job="engine", model="llama", instance="llama-0"}'

CASES = (
    Case("GatewayDown", "no replica is known", {}, ({},)),
    Case("GatewayDown", "every replica is down", {'up{job="gateway", instance="a"}': "0x60"}, ({},)),
    Case(
        "GatewayDown",
        "one of two answers",
        {'up{job="gateway", instance="a"}': "0x60", 'up{job="gateway", instance="b"}': "1x60"},
        (),
    ),
    Case("GatewayErrors", "a tenth fails", {OK: "0+90x60", FAILED: "0+10x60"}, ({},)),
    Case("GatewayErrors", "one in a hundred fails", {OK: "0+99x60", FAILED: "0+1x60"}, ()),
    Case("GatewayErrors", "nobody asks", {OK: "5x60", FAILED: "5x60"}, ()),
    Case("NoEngineReady", "no pod of either model", {}, ({"model": "llama"}, {"model": "tiny"})),
    Case("NoEngineReady", "one model's engine is down", {TINY: "1x60", LLAMA: "0x60"}, ({"model": "llama"},)),
    Case("NoEngineReady", "both answer", {TINY: "1x60", LLAMA: "1x60"}, ()),
    Case("DatabaseDown", "the exporter cannot reach it", {"pg_up": "0x60"}, ({},)),
    Case("DatabaseDown", "the exporter is gone", {}, ({},)),
    Case("DatabaseDown", "it answers", {"pg_up": "1x60"}, ()),
    Case("DatabaseDown", "it was away for a minute", {"pg_up": "1x58 0 1"}, ()),
    Case("DatabaseVolumeFilling", "nine tenths are taken", {LITELLM: "80x60", OTHER: "10x60"}, ({},)),
    Case("DatabaseVolumeFilling", "half is taken", {LITELLM: "40x60", OTHER: "10x60"}, ()),
    Case(
        "DatabaseConnectionsNearlyUsed",
        "nine of ten are taken",
        {'pg_stat_activity_count{state="idle"}': "180x60", "pg_settings_max_connections": "200x60"},
        ({},),
    ),
    Case(
        "DatabaseConnectionsNearlyUsed",
        "half of them are taken",
        {'pg_stat_activity_count{state="idle"}': "100x60", "pg_settings_max_connections": "200x60"},
        (),
    ),
    Case("CacheDown", "it does not answer", {"redis_up": "0x60"}, ({},)),
    Case("CacheDown", "it answers", {"redis_up": "1x60"}, ()),
    Case("KueueDown", "its manager is gone", {}, ({},)),
    Case("KueueDown", "its manager answers", {'up{job="kueue", instance="k"}': "1x60"}, ()),
    Case("KyvernoDown", "it is gone", {}, ({},)),
    Case("KyvernoDown", "it answers", {'up{job="kyverno", instance="k"}': "1x60"}, ()),
    Case("QueueStarving", "one waits for an hour", {WORKLOADS: "1x90"}, ({"cluster_queue": "tenant-a"},), 70),
    Case("QueueStarving", "one waits for a quarter of an hour", {WORKLOADS: "0x40 1x15"}, (), 55),
    Case("QueueStarving", "others are admitted meanwhile", {WORKLOADS: "3x90", ADMITTED: "0+1x90"}, (), 70),
    Case("QueueStarving", "nobody waits", {WORKLOADS: "0x90"}, (), 70),
    Case("TenantBudgetNearlySpent", "nine tenths are spent", {SPEND: "9x60", BUDGET: "10x60"}, ({"tenant": "a"},)),
    Case("TenantBudgetNearlySpent", "half is spent", {SPEND: "5x60", BUDGET: "10x60"}, ()),
    Case("TenantsNotReconciled", "the last pass is an hour old", {LAST: "0x60"}, ({},)),
    Case("TenantsNotReconciled", "nothing is known of it", {}, ({},)),
    Case("TenantsNotReconciled", "it passes every minute", {LAST: "0+60x60"}, ()),
    Case(
        "MetricsMissing",
        "a pod is not scraped",
        {'up{job="x", instance="p"}': "0x60"},
        ({"job": "x", "instance": "p"},),
    ),
    Case("MetricsMissing", "every pod is scraped", {'up{job="x", instance="p"}': "1x60"}, ()),
)


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prometheus' rule tester, out of the image that the lab runs."""
    try:
        (archive,) = ensure_images([ImageName.PROMETHEUS], print).values()
    except (LabError, ImageBuildError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    path = tmp_path_factory.mktemp("promtool") / "promtool"
    path.write_bytes(file_of_image(archive, "usr/bin/promtool"))
    path.chmod(0o755)
    return path


def file_of_image(archive: Path, name: str) -> bytes:
    """A file of the uppermost layer of an OCI archive with one image."""
    with tarfile.open(archive) as content:

        def blob(digest: str) -> IO[bytes]:
            found = content.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
            assert found
            return found

        index = content.extractfile("index.json")
        assert index
        manifest = json.load(blob(json.load(index)["manifests"][0]["digest"]))
        with tarfile.open(fileobj=blob(manifest["layers"][-1]["digest"])) as layer:
            found = layer.extractfile(name)
            assert found
            return found.read()


@pytest.fixture(scope="module")
def rule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yml"
    path.write_text(rules(WATCHED), encoding="utf-8")
    return path


def test_the_rules_are_sound(promtool: Path, rule_file: Path) -> None:
    checked = subprocess.run([promtool, "check", "rules", rule_file], check=False, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_has_a_case_that_fires_and_one_that_does_not(alert: Alert) -> None:
    outcomes = {bool(case.fires_for) for case in CASES if case.alert == alert.name}

    assert outcomes == {True, False}


def test_each_alert_fires_when_it_should_and_only_then(promtool: Path, rule_file: Path) -> None:
    """All cases in one run of the tester, which names the one that fails."""
    path = rule_file.with_name("cases.yml")
    tests = [unit_test(case) for case in CASES]
    path.write_text(yaml.safe_dump({"rule_files": [rule_file.name], "evaluation_interval": "1m", "tests": tests}))

    tested = subprocess.run([promtool, "test", "rules", path], check=False, capture_output=True, text=True)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def unit_test(case: Case) -> dict[str, Any]:
    (alert,) = (alert for alert in ALERTS if alert.name == case.alert)
    state = {"alertname": alert.name, "alertstate": "firing"}
    firing = [{**state, "severity": str(alert.severity), **labels} for labels in case.fires_for]
    return {
        "name": f"{case.alert}: {case.title}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": selector(state),
                "eval_time": f"{case.minutes}m",
                "exp_samples": [{"labels": selector(labels), "value": 1} for labels in firing],
            }
        ],
    }


def selector(labels: Mapping[str, str]) -> str:
    return f"ALERTS{{{', '.join(f'{name}={json.dumps(value)}' for name, value in sorted(labels.items()))}}}"
