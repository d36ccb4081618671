"""The platform's own Prometheus: it sees every part, every dashboard shows something, and every alert can fire."""

import hashlib
import math
import re
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from components.observability.alerts import ALERTS, Watched, alerts_for
from components.observability.dashboards import DASHBOARDS, Dashboard
from components.observability.scraping import IDENTITY_LABELS
from lab import cluster
from tests.lab.platform import MODEL, OBSERVABILITY, OTHER_TENANT, TENANT, WORKLOADS, TeamPlatform
from tests.lab.prometheus_api import JOBS, PrometheusApi

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1500)]

WAIT_SECONDS = 240
ROUNDS = 4
LONGEST_RANGE = "5m"
QUESTION: ChatCompletionUserMessageParam = {"role": "user", "content": "Is it so? " * 8}


@pytest.fixture(scope="module")
def prometheus(team: TeamPlatform) -> Generator[PrometheusApi]:
    with team.access.forwarded_port(OBSERVABILITY, "prometheus", 9090) as port:
        yield PrometheusApi(port)


@pytest.fixture(scope="module")
def busy(team: TeamPlatform, prometheus: PrometheusApi) -> Generator[PrometheusApi]:
    """Both tenants have asked and were refused once, two jobs have had a GPU, and one waits for more than there are."""
    kubectl = cluster.kubectl()
    jobs = [gpu_job("watched-first", 1), gpu_job("watched-second", 1), gpu_job("watched-waiting", 64)]
    try:
        kubectl.apply([jobs[0], jobs[2]])
        with team.gateway() as port:
            for _ in range(ROUNDS):
                for tenant in (TENANT, OTHER_TENANT):
                    ask(port, team.keys[tenant])
                # So that a rate has more than one sample, whatever the interval of the scrape.
                time.sleep(6)
        wait_until(lambda: total(prometheus, "kueue_admission_wait_time_seconds_count") > 0)
        # The first admission is where its series begin, and no rise of them.
        kubectl.apply([jobs[1]])
        wait_until(lambda: total(prometheus, f'bulkhead_tenant_spend_usd{{tenant="{OTHER_TENANT}"}}') > 0)
        wait_until(lambda: total(prometheus, "kueue_pending_workloads") > 0)
        yield prometheus
    finally:
        for job in jobs:
            kubectl.run("delete", "job", job["metadata"]["name"], "--namespace", WORKLOADS, "--ignore-not-found")


def ask(port: int, key: str) -> None:
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key, timeout=120, max_retries=2)
    with client:
        client.chat.completions.create(model=MODEL, messages=[QUESTION], max_tokens=8)
        stream = client.chat.completions.create(model=MODEL, messages=[QUESTION], max_tokens=8, stream=True)
        assert list(stream)
        with pytest.raises(openai.APIStatusError):
            client.chat.completions.create(model="no-such-model", messages=[QUESTION], max_tokens=1)


def gpu_job(name: str, gpus: int) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "example.com/never-run:1",
        "resources": {"requests": {"nvidia.com/gpu": gpus}, "limits": {"nvidia.com/gpu": gpus}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": WORKLOADS, "labels": {"kueue.x-k8s.io/queue-name": TENANT}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }


def total(prometheus: PrometheusApi, expression: str) -> float:
    return sum(value for _, value in prometheus.query(expression))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(2)


def concrete(expression: str) -> str:
    """The query as Grafana would send it, with everything chosen."""
    chosen: Mapping[str, str] = {"__rate_interval": LONGEST_RANGE, "tenant": ".*", "model": ".*", "queue": ".*"}
    return re.sub(r"\$(\w+)", lambda match: chosen[match[1]], expression)


def test_every_part_of_the_platform_is_scraped(busy: PrometheusApi) -> None:
    wait_until(lambda: not busy.down(JOBS))


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_every_query_of_a_dashboard_returns_data(busy: PrometheusApi, dashboard: Dashboard) -> None:
    queries = [query.expression for panel in dashboard.panels for query in panel.queries]
    deadline = time.monotonic() + WAIT_SECONDS
    while (missing := without_data(busy, queries)) and time.monotonic() < deadline:
        time.sleep(5)

    assert missing == []


def without_data(prometheus: PrometheusApi, queries: list[str]) -> list[str]:
    """Those that give nothing, or nothing but `NaN`, which Grafana does not draw."""
    return [query for query in queries if all(math.isnan(value) for _, value in prometheus.query(concrete(query)))]


def test_what_a_dashboard_lets_choose_is_there(busy: PrometheusApi) -> None:
    for dashboard in DASHBOARDS:
        for variable in dashboard.variables:
            assert [labels[variable.label] for labels, _ in busy.query(variable.series)], variable


def test_every_alert_is_loaded_and_sound(busy: PrometheusApi) -> None:
    groups = busy.get("rules", type="alert")["groups"]
    loaded = {rule["name"]: rule for group in groups for rule in group["rules"]}

    assert set(loaded) == {alert.name for alert in alerts_for(Watched((MODEL,), has_cache=True, database_bytes=1))}
    assert {name for name, rule in loaded.items() if rule["health"] != "ok"} == set()
    for alert in ALERTS:
        busy.query(alert.expression)


def test_nothing_that_is_well_is_alerted_on(busy: PrometheusApi) -> None:
    firing = busy.query('ALERTS{alertstate="firing", severity="critical"}')

    assert [labels["alertname"] for labels, _ in firing] == []


def test_no_series_holds_a_key_or_says_who_asked(busy: PrometheusApi, team: TeamPlatform) -> None:
    secrets = [team.master_key, *team.keys.values()]
    forbidden = [*secrets, *(hashlib.sha256(secret.encode()).hexdigest() for secret in secrets)]
    series = busy.get("series", **{"match[]": '{__name__=~".+"}'})
    shown = "\n".join(str(labels) for labels in series)

    assert len(series) > 500
    assert not [secret for secret in forbidden if secret in shown]
    of_the_gateway = {label for labels in series if labels.get("job") == "gateway" for label in labels}
    assert {"tenant", "model"} <= of_the_gateway
    assert not [label for label in of_the_gateway if re.fullmatch(IDENTITY_LABELS, label)]
