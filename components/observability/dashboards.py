"""The dashboards, each query once; committed as JSON beside the documentation, and laid into the cluster as they are.

Written to Grafana's dashboard model, schema version 39 (Grafana 10.4 and newer): the data source is a variable, so that
they can be imported anywhere.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from components.observability.alerts import BUDGET_SHARE

SCHEMA_VERSION = 39
COLUMNS = 24
HEIGHT = 8
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Unit(StrEnum):
    """Grafana's names of units."""

    NONE = "short"
    US_DOLLARS = "currencyUSD"
    SHARE = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    EACH_SECOND = "reqps"
    UP = "bool_on_off"


class Kind(StrEnum):
    """Grafana's panels."""

    LINES = "timeseries"
    BARS = "bargauge"
    NUMBERS = "stat"


@dataclass(frozen=True)
class Query:
    """PromQL, and what its series are called in the legend."""

    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One panel: half a row wide."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: Unit = Unit.NONE
    kind: Kind = Kind.LINES


@dataclass(frozen=True)
class Variable:
    """A choice at the head of a dashboard: the values of a label, all of them unless chosen otherwise."""

    name: str
    series: str
    label: str


@dataclass(frozen=True)
class Dashboard:
    """One dashboard; `uid` is also its file's name."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]


TENANT = Variable("tenant", "bulkhead_tenant_budget_usd", "tenant")
MODEL = Variable("model", "bulkhead:engine_expected", "model")
QUEUE = Variable("queue", "kueue_cluster_queue_nominal_quota", "cluster_queue")

_OF_TENANT = 'tenant=~"$tenant"'
_OF_TENANT_AND_MODEL = 'tenant=~"$tenant", model=~"$model"'
_OF_MODEL = 'model=~"$model"'
_OF_QUEUE = 'cluster_queue=~"$queue"'


def _rate(series: str, labels: str, by: str) -> str:
    return f"sum by ({by}) (rate({series}{{{labels}}}[$__rate_interval]))"


def _quantiles(series: str, labels: str, *by: str) -> tuple[Query, ...]:
    """The median and the 95th percentile of a histogram, for each value of the labels `by`."""
    buckets = _rate(f"{series}_bucket", labels, ", ".join((*by, "le")))
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return tuple(
        Query(f"histogram_quantile({share}, {buckets})", f"{legend} p{share * 100:.0f}") for share in (0.5, 0.95)
    )


TENANTS = Dashboard(
    "bulkhead-tenants",
    "Bulkhead: tenants",
    "What each tenant spends, asks for and gets.",
    (TENANT, MODEL),
    (
        Panel(
            "Budget spent",
            "The share of the running period's budget, from the gateway's database; calls are refused at 100 %.",
            (Query(f"{BUDGET_SHARE}{{{_OF_TENANT}}}", "{{tenant}}"),),
            Unit.SHARE,
            Kind.BARS,
        ),
        Panel(
            "Spend and limit",
            "US dollars in the running period.",
            (
                Query(f"bulkhead_tenant_spend_usd{{{_OF_TENANT}}}", "{{tenant}} spent"),
                Query(f"bulkhead_tenant_budget_usd{{{_OF_TENANT}}}", "{{tenant}} limit"),
            ),
            Unit.US_DOLLARS,
        ),
        Panel(
            "Days until the budget starts anew",
            "When the running period ends.",
            (
                Query(
                    f"(bulkhead_tenant_budget_reset_timestamp_seconds{{{_OF_TENANT}}} - time()) / 86400", "{{tenant}}"
                ),
            ),
            kind=Kind.NUMBERS,
        ),
        Panel(
            "Spend by model",
            "US dollars an hour, as the gateway counts it.",
            (
                Query(
                    f"3600 * {_rate('litellm_spend_metric_total', _OF_TENANT_AND_MODEL, 'tenant, model')}",
                    "{{tenant}} {{model}}",
                ),
            ),
            Unit.US_DOLLARS,
        ),
        Panel(
            "Requests",
            "Requests a second that ended, well or not.",
            (
                Query(
                    _rate("litellm_proxy_total_requests_metric_total", _OF_TENANT_AND_MODEL, "tenant, model"),
                    "{{tenant}} {{model}}",
                ),
            ),
            Unit.EACH_SECOND,
        ),
        Panel(
            "Requests by answer",
            "Status codes: 429 is a limit or a budget, 401 and 403 a key, 5xx the platform.",
            (
                Query(
                    _rate("litellm_proxy_total_requests_metric_total", _OF_TENANT, "tenant, status_code"),
                    "{{tenant}} {{status_code}}",
                ),
            ),
            Unit.EACH_SECOND,
        ),
        Panel(
            "Tokens",
            "Tokens a second, read and written.",
            (
                Query(_rate("litellm_input_tokens_metric_total", _OF_TENANT_AND_MODEL, "tenant"), "{{tenant}} read"),
                Query(
                    _rate("litellm_output_tokens_metric_total", _OF_TENANT_AND_MODEL, "tenant"), "{{tenant}} written"
                ),
            ),
        ),
        Panel(
            "Latency",
            "Seconds from a request to its last token.",
            _quantiles("litellm_request_total_latency_metric", _OF_TENANT_AND_MODEL, "tenant", "model"),
            Unit.SECONDS,
        ),
        Panel(
            "Time to the first token",
            "Seconds, of streamed answers, as the gateway sees it.",
            _quantiles("litellm_llm_api_time_to_first_token_metric", _OF_TENANT_AND_MODEL, "tenant", "model"),
            Unit.SECONDS,
        ),
        Panel(
            "Limits",
            "Requests and tokens a minute that a tenant may use.",
            (
                Query(f"bulkhead_tenant_requests_per_minute_limit{{{_OF_TENANT}}}", "{{tenant}} requests"),
                Query(f"bulkhead_tenant_tokens_per_minute_limit{{{_OF_TENANT}}}", "{{tenant}} tokens"),
            ),
            kind=Kind.NUMBERS,
        ),
    ),
)

SERVING = Dashboard(
    "bulkhead-serving",
    "Bulkhead: serving",
    "What the engines do, by model.",
    (MODEL,),
    (
        Panel(
            "Engines that answer",
            "Of those that the stack file asks for.",
            (Query(f'sum by (model) (up{{job="engine", {_OF_MODEL}}})', "{{model}}"),),
            kind=Kind.NUMBERS,
        ),
        Panel(
            "Requests under way",
            "In the engines, and waiting in front of them.",
            (
                Query(f"sum by (model) (vllm:num_requests_running{{{_OF_MODEL}}})", "{{model}} running"),
                Query(f"sum by (model) (vllm:num_requests_waiting{{{_OF_MODEL}}})", "{{model}} waiting"),
            ),
        ),
        Panel(
            "Queue time",
            "Seconds that a request waits in the engine before it is worked on.",
            _quantiles("vllm:request_queue_time_seconds", _OF_MODEL, "model"),
            Unit.SECONDS,
        ),
        Panel(
            "Time to the first token",
            "Seconds, as the engine sees it.",
            _quantiles("vllm:time_to_first_token_seconds", _OF_MODEL, "model"),
            Unit.SECONDS,
        ),
        Panel(
            "Tokens",
            "Tokens a second, read and written.",
            (
                Query(_rate("vllm:prompt_tokens_total", _OF_MODEL, "model"), "{{model}} read"),
                Query(_rate("vllm:generation_tokens_total", _OF_MODEL, "model"), "{{model}} written"),
            ),
        ),
        Panel(
            "Prefix-cache hits",
            "The share of tokens read that were in the engine's cache already.",
            (
                Query(
                    f"{_rate('vllm:prefix_cache_hits_total', _OF_MODEL, 'model')}"
                    f" / ({_rate('vllm:prefix_cache_queries_total', _OF_MODEL, 'model')} > 0)",
                    "{{model}}",
                ),
            ),
            Unit.SHARE,
        ),
        Panel(
            "Cache in use",
            "The share of the engine's key-value cache that is taken; near 100 % requests wait or are put off.",
            (Query(f"max by (model) (vllm:kv_cache_usage_perc{{{_OF_MODEL}}})", "{{model}}"),),
            Unit.SHARE,
        ),
        Panel(
            "Requests put off",
            "Requests a second that an engine set back because its cache was full.",
            (Query(_rate("vllm:num_preemptions_total", _OF_MODEL, "model"), "{{model}}"),),
            Unit.EACH_SECOND,
        ),
    ),
)

QUOTA = Dashboard(
    "bulkhead-gpu-quota",
    "Bulkhead: GPU quota",
    "Who uses the GPUs, and who waits for them; a tenant's queue bears its name.",
    (QUEUE,),
    (
        Panel(
            "Quota used",
            "Devices that admitted workloads hold, borrowed ones included.",
            (
                Query(
                    f"sum by (cluster_queue, flavor, resource) (kueue_cluster_queue_resource_usage{{{_OF_QUEUE}}})",
                    "{{cluster_queue}} {{flavor}} {{resource}}",
                ),
            ),
        ),
        Panel(
            "Quota guaranteed",
            "Devices that a queue gets back from whoever borrowed them.",
            (
                Query(
                    f"sum by (cluster_queue, flavor, resource) (kueue_cluster_queue_nominal_quota{{{_OF_QUEUE}}})",
                    "{{cluster_queue}} {{flavor}} {{resource}}",
                ),
            ),
        ),
        Panel(
            "Workloads waiting",
            "Active ones are tried again; inadmissible ones wait until something changes.",
            (
                Query(
                    f"sum by (cluster_queue, status) (kueue_pending_workloads{{{_OF_QUEUE}}})",
                    "{{cluster_queue}} {{status}}",
                ),
            ),
        ),
        Panel(
            "Devices waited for",
            "Devices that waiting workloads ask for.",
            (
                Query(
                    f"sum by (cluster_queue, resource) (kueue_cluster_queue_resource_pending{{{_OF_QUEUE}}})",
                    "{{cluster_queue}} {{resource}}",
                ),
            ),
        ),
        Panel(
            "Workloads admitted",
            "Workloads that hold quota now.",
            (
                Query(
                    f"sum by (cluster_queue) (kueue_admitted_active_workloads{{{_OF_QUEUE}}})",
                    "{{cluster_queue}}",
                ),
            ),
        ),
        Panel(
            "Wait for admission",
            "Seconds from a workload's creation until it was admitted.",
            _quantiles("kueue_admission_wait_time_seconds", _OF_QUEUE, "cluster_queue"),
            Unit.SECONDS,
        ),
    ),
)

HEALTH = Dashboard(
    "bulkhead-health",
    "Bulkhead: health",
    "Whether the parts of the platform answer, and how its datastores are.",
    (),
    (
        Panel(
            "Parts that answer",
            "Pods that answer Prometheus, by part.",
            (Query("sum by (job) (up)", "{{job}}"),),
            kind=Kind.NUMBERS,
        ),
        Panel(
            "Alerts",
            "What fires now.",
            (Query('count by (alertname, severity) (ALERTS{alertstate="firing"}) or vector(0)', "{{alertname}}"),),
            kind=Kind.NUMBERS,
        ),
        Panel(
            "Datastores",
            "1: it answers its exporter.",
            (Query("max(pg_up)", "database"), Query("max(redis_up)", "cache")),
            Unit.UP,
            Kind.NUMBERS,
        ),
        Panel(
            "Database connections",
            "Taken, and the most that the server allows.",
            (
                Query("sum(pg_stat_activity_count)", "taken"),
                Query("max(pg_settings_max_connections)", "allowed"),
            ),
        ),
        Panel(
            "Database transactions",
            "Transactions a second of the gateway's database.",
            (
                Query('sum(rate(pg_stat_database_xact_commit{datname="litellm"}[$__rate_interval]))', "committed"),
                Query('sum(rate(pg_stat_database_xact_rollback{datname="litellm"}[$__rate_interval]))', "rolled back"),
            ),
            Unit.EACH_SECOND,
        ),
        Panel(
            "Database size",
            "What the databases hold.",
            (Query("max by (datname) (pg_database_size_bytes)", "{{datname}}"),),
            Unit.BYTES,
        ),
        Panel(
            "Cache memory",
            "What Redis holds; at its limit it refuses to count.",
            (Query("max(redis_memory_used_bytes)", "used"), Query("max(redis_memory_max_bytes)", "limit")),
            Unit.BYTES,
        ),
        Panel(
            "Cache commands",
            "Commands a second.",
            (Query("sum(rate(redis_commands_processed_total[$__rate_interval]))", "commands"),),
            Unit.EACH_SECOND,
        ),
        Panel(
            "Tenants' accounts",
            "Seconds since they were last found, or made, as the stack file says.",
            (Query("time() - max(bulkhead_tenants_last_success_timestamp_seconds)", "since the last pass"),),
            Unit.SECONDS,
            Kind.NUMBERS,
        ),
    ),
)

DASHBOARDS = (TENANTS, SERVING, QUOTA, HEALTH)
"""Every dashboard."""


def render(dashboard: Dashboard) -> str:
    """The dashboard as Grafana imports it."""
    document: dict[str, Any] = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["bulkhead"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [_datasource(), *(_variable(variable) for variable in dashboard.variables)]},
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}


def _variable(variable: Variable) -> dict[str, Any]:
    query = f"label_values({variable.series}, {variable.label})"
    return {
        "name": variable.name,
        "label": variable.name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": variable.name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    width = COLUMNS // 2
    return {
        "id": number + 1,
        "type": str(panel.kind),
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": number % 2 * width, "y": number // 2 * HEIGHT, "w": width, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": str(panel.unit), **_limits(panel)}, "overrides": []},
        "options": _options(panel.kind),
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
                "range": panel.kind is Kind.LINES,
                "instant": panel.kind is not Kind.LINES,
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def _limits(panel: Panel) -> dict[str, Any]:
    return {"min": 0, "max": 1} if panel.unit is Unit.SHARE else {"min": 0}


def _options(kind: Kind) -> dict[str, Any]:
    reduce = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    match kind:
        case Kind.LINES:
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
        case Kind.BARS:
            return {**reduce, "orientation": "horizontal", "displayMode": "basic"}
        case Kind.NUMBERS:
            return {**reduce, "orientation": "auto", "colorMode": "none", "graphMode": "none"}
