"""What wakes an operator: each alert once, with what it means and what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

RUNBOOKS = "docs/reference/alerts.md"
EXPECTED_ENGINE = "bulkhead:engine_expected"
"""A series of 1 for each model that the stack serves: a model without any pod has no other series to be missed by."""
DATABASE_VOLUME_BYTES = "bulkhead:database_volume:bytes"
"""The size of the in-cluster database's volume, as the stack file has it."""
BUDGET_SHARE = "bulkhead:tenant_budget_spent:ratio"
"""The share of its budget that a tenant has spent in the current period, 0 to 1 and beyond."""


class Severity(StrEnum):
    """How soon somebody has to look."""

    CRITICAL = "critical"
    """Now: tenants get no answers, or spend is not counted."""
    WARNING = "warning"
    """This working day."""


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes:
        name: In Prometheus' camel case.
        expression: PromQL; each series that it gives is an alert of its own.
        minutes: How long it must hold.
        summary: What is affected, with `{{ $labels.x }}` for the labels.
        action: What to do, in sentences.
    """

    name: str
    severity: Severity
    expression: str
    minutes: int
    summary: str
    action: str


@dataclass(frozen=True)
class Recording:
    """A series that is worked out once and asked for by its name, for dashboards and alerts alike."""

    name: str
    expression: str


RECORDINGS = (Recording(BUDGET_SHARE, "bulkhead_tenant_spend_usd / (bulkhead_tenant_budget_usd > 0)"),)

BUDGET = Alert(
    "TenantBudgetNearlySpent",
    Severity.WARNING,
    f"{BUDGET_SHARE} > 0.8",
    5,
    "{{ $labels.tenant }} has spent {{ $value | humanizePercentage }} of its budget",
    "Tell the tenant. To give it more, raise `bulkhead:tenants[].budget.usd` and run `pulumi up`; without that its"
    " calls are refused from 100 % until the period ends.",
)
GATEWAY_DOWN = Alert(
    "GatewayDown",
    Severity.CRITICAL,
    'absent(up{job="gateway"} == 1)',
    2,
    "no replica of the gateway answers, so no tenant is served",
    "`kubectl -n bulkhead-gateway get pods` and the events of what is not ready. A replica that is alive and not ready"
    " has lost its database: see DatabaseDown.",
)
GATEWAY_ERRORS = Alert(
    "GatewayErrors",
    Severity.CRITICAL,
    'sum(rate(litellm_proxy_total_requests_metric_total{status_code=~"5.."}[5m]))'
    " / sum(rate(litellm_proxy_total_requests_metric_total[5m])) > 0.05",
    5,
    "{{ $value | humanizePercentage }} of all requests end in an error of the platform",
    "The gateway's log says which model or datastore fails: `kubectl -n bulkhead-gateway logs deployment/gateway`.",
)
DATABASE_DOWN = Alert(
    "DatabaseDown",
    Severity.CRITICAL,
    "absent(pg_up == 1)",
    2,
    "the gateway's database does not answer: keys cannot be looked up and spend waits in memory",
    "In the cluster: `kubectl -n bulkhead-gateway describe pod database-0`; managed or external: its own console."
    " Recovery needs no step: replicas write what they hold when the database is back. Do not restart them meanwhile.",
)
DATABASE_CONNECTIONS = Alert(
    "DatabaseConnectionsNearlyUsed",
    Severity.WARNING,
    "sum(pg_stat_activity_count) / max(pg_settings_max_connections) > 0.8",
    10,
    "{{ $value | humanizePercentage }} of the database's connections are taken",
    "Take gateway replicas away, or raise the server's `max_connections`; each replica pools up to 10.",
)
DATABASE_VOLUME = Alert(
    "DatabaseVolumeFilling",
    Severity.CRITICAL,
    f"sum(pg_database_size_bytes) / on () {DATABASE_VOLUME_BYTES} > 0.7",
    5,
    "the databases take {{ $value | humanizePercentage }} of their volume, without its log; a full one stops them",
    "Grow the claim (`kubectl -n bulkhead-gateway edit pvc data-database-0`, where the storage class allows it), then"
    " set `bulkhead:gateway.database.storage` to the same size.",
)
CACHE_DOWN = Alert(
    "CacheDown",
    Severity.CRITICAL,
    "absent(redis_up == 1)",
    2,
    "Redis does not answer: requests whose limits cannot be counted are refused, or, where nothing fails closed, each"
    " gateway replica counts for itself",
    "In the cluster: `kubectl -n bulkhead-gateway describe pod -l app.kubernetes.io/name=cache`. Its counters are lost"
    " with it and start from nothing; budgets are not, since they rest in the database.",
)
ENGINE_DOWN = Alert(
    "NoEngineReady",
    Severity.CRITICAL,
    f'{EXPECTED_ENGINE} unless on (model) (sum by (model) (up{{job="engine"}}) > 0)',
    5,
    "no engine of model {{ $labels.model }} answers",
    "`kubectl -n bulkhead-engines get pods -l app.kubernetes.io/instance=MODEL` and the log of what is not ready. A pod"
    " that is held back waits for GPUs: see QueueStarving. A first start that stages weights may last the model's"
    " `load_minutes`.",
)
KUEUE_DOWN = Alert(
    "KueueDown",
    Severity.CRITICAL,
    'absent(up{job="kueue"} == 1)',
    3,
    "Kueue's manager does not answer: nothing is admitted, and workloads in managed namespaces are refused",
    "`kubectl -n kueue-system get pods`. Its webhooks fail closed in the managed namespaces only; nothing else of the"
    " cluster is affected.",
)
KYVERNO_DOWN = Alert(
    "KyvernoDown",
    Severity.CRITICAL,
    'absent(up{job="kyverno"} == 1)',
    3,
    "Kyverno's admission controller does not answer",
    "`kubectl -n kyverno get pods`. What it enforces by generated ValidatingAdmissionPolicies still denies; reports and"
    " changes of policies wait until it is back.",
)
QUEUE_STARVING = Alert(
    "QueueStarving",
    Severity.WARNING,
    "sum by (cluster_queue) (kueue_pending_workloads) > 0"
    " unless on (cluster_queue) sum by (cluster_queue) (increase(kueue_admitted_workloads_total[30m])) > 0",
    30,
    "{{ $value }} workloads of {{ $labels.cluster_queue }} wait, and none was admitted for half an hour",
    "`kubectl get workloads -A` says what each waits for. More than the queue's quota: it never fits, tell its owner."
    " Quota lent to others comes back by reclaim; no idle node in the pool: raise `nodes.max` or wait for capacity.",
)
TENANTS_FAILING = Alert(
    "TenantsNotReconciled",
    Severity.WARNING,
    "absent(bulkhead_tenants_last_success_timestamp_seconds)"
    " or time() - max(bulkhead_tenants_last_success_timestamp_seconds) > 600",
    5,
    "the tenants' accounts have not all been what the stack file says for {{ $value | humanizeDuration }}",
    "`kubectl -n bulkhead-gateway logs deployment/tenants`. Until it is mended a change made by hand in the gateway"
    " stays, and changes of tenants wait: of those whom the log names as refused, or else of all.",
)
TARGET_DOWN = Alert(
    "MetricsMissing",
    Severity.WARNING,
    "up == 0",
    15,
    "{{ $labels.job }} {{ $labels.instance }} is not scraped: what it would tell is not seen, nor alerted on",
    "Prometheus' page Status, Targets says why. Usual: a network policy, or a right that was taken away.",
)


@dataclass(frozen=True)
class Watched:
    """What of the platform there is to be watched.

    Attributes:
        models: Their engines are to answer.
        has_cache: Whether the gateway has a cache.
        has_kyverno: Whether Kyverno admits workloads.
        database_bytes: The size of the database's volume; None where it is not the platform's.
    """

    models: tuple[str, ...]
    has_cache: bool
    has_kyverno: bool = False
    database_bytes: int | None = None


ALERTS = (
    GATEWAY_DOWN,
    GATEWAY_ERRORS,
    ENGINE_DOWN,
    DATABASE_DOWN,
    DATABASE_VOLUME,
    DATABASE_CONNECTIONS,
    CACHE_DOWN,
    KUEUE_DOWN,
    KYVERNO_DOWN,
    QUEUE_STARVING,
    BUDGET,
    TENANTS_FAILING,
    TARGET_DOWN,
)
"""Every alert, the most urgent parts of the platform first."""


def alerts_for(watched: Watched) -> tuple[Alert, ...]:
    """The alerts of a platform: none about a part that it does not have, which would cry for ever."""
    there = {
        CACHE_DOWN: watched.has_cache,
        DATABASE_VOLUME: watched.database_bytes is not None,
        KYVERNO_DOWN: watched.has_kyverno,
    }
    return tuple(alert for alert in ALERTS if there.get(alert, True))


def rules(watched: Watched) -> str:
    """The rule file."""
    groups = [
        {"name": "recordings", "rules": [*_recordings(), *_expected(watched.models), *_volume(watched)]},
        {"name": "alerts", "rules": [_rule(alert) for alert in alerts_for(watched)]},
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, width=1000)


def anchor(name: str) -> str:
    """The anchor of an alert's heading on the page of runbooks, as GitHub makes it."""
    return name.lower()


def _recordings() -> Iterable[dict[str, Any]]:
    return ({"record": recording.name, "expr": recording.expression} for recording in RECORDINGS)


def _expected(models: Sequence[str]) -> Iterable[dict[str, Any]]:
    return ({"record": EXPECTED_ENGINE, "expr": "vector(1)", "labels": {"model": model}} for model in sorted(models))


def _volume(watched: Watched) -> Iterable[dict[str, Any]]:
    if watched.database_bytes is not None:
        yield {"record": DATABASE_VOLUME_BYTES, "expr": f"vector({watched.database_bytes})"}


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": f"{alert.minutes}m",
        "labels": {"severity": str(alert.severity)},
        "annotations": {
            "summary": alert.summary,
            "description": alert.action,
            "runbook": f"{RUNBOOKS}#{anchor(alert.name)}",
        },
    }
