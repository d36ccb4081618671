"""Whom Prometheus asks, how it finds them, and which labels its series carry.

Pure, and valid for Prometheus 2.42 and 3. Targets are found by DNS: a Service without an address of its own lists every
pod that it selects, ready or not. So Prometheus needs no right to look anything up, and a tenant's pod, which cannot
have the platform's labels in the platform's namespaces, is never asked. Series of one tenant carry `tenant`, of one
model `model`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from components.observability.exporters import EXPORTER_NAME
from components.shared import selector
from components.shared.workloads import service_host
from infra.blueprint import names
from infra.blueprint.model import EnginePart, GatewayPart, PrometheusPart, QuotaPart

CONFIGURATION_PATH = "/etc/bulkhead/prometheus"
RULES_KEY = "rules.yml"
SUFFIX = "-metrics"
"""After the name of what is asked, in the names of the Services by which it is found."""

DATABASE_METRICS = "pg_(up|database_size_bytes|settings_max_connections|stat_activity_count|stat_database_.+)"
"""Of what the database's exporter tells; some three hundred settings of the server are left out."""

IDENTITY_LABELS = "api_key_alias|client_ip|end_user|hashed_api_key|team|user|user_agent|user_alias|user_email"
"""Dropped should the gateway ever send them: a key's digest, a person and an address are nobody's business here."""

TEAM_PREFIX = "bulkhead-"
"""Before a tenant's name in that of its team (components.tenants)."""

_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path

Rule = dict[str, Any]


@dataclass(frozen=True)
class Targets:
    """What there is to be scraped."""

    gateway: GatewayPart
    engines: tuple[EnginePart, ...]
    quota: QuotaPart
    kyverno_namespace: str | None = None
    """None: it is not installed."""


@dataclass(frozen=True)
class Scraped:
    """Pods that are asked for metrics.

    Attributes:
        job: What queries and alerts call them.
        name: What they are, and the Service by which they are found, less its suffix.
        pods: The labels that select them.
    """

    job: str
    name: str
    namespace: str
    pods: tuple[tuple[str, str], ...]
    port: int

    @property
    def service(self) -> str:
        """The Service that lists them."""
        return f"{self.name}{SUFFIX}"

    @property
    def host(self) -> str:
        """The DNS name with an address for each of them."""
        return service_host(self.service, self.namespace)


def scraped(part: PrometheusPart, targets: Targets) -> tuple[Scraped, ...]:
    """Everything that is scraped beside Prometheus itself."""
    return tuple(sorted(_scraped(part, targets), key=lambda target: (target.job, target.name)))


def _scraped(part: PrometheusPart, targets: Targets) -> Iterator[Scraped]:
    gateway, quota = targets.gateway, targets.quota
    exporter = _labels(EXPORTER_NAME)
    if gateway.metrics_port is not None:
        yield Scraped("gateway", "gateway", gateway.namespace, _labels("gateway"), gateway.metrics_port)
    for engine in targets.engines:
        pods = _labels("engine", engine.name)
        yield Scraped("engine", engine.service_name, engine.namespace, pods, engine.port)
    yield Scraped("kueue", "kueue", quota.namespace, _labels("kueue"), names.KUEUE_METRICS_PORT)
    if targets.kyverno_namespace is not None:
        pods = tuple(names.KYVERNO_CONTROLLER_LABELS.items())
        yield Scraped("kyverno", "kyverno", targets.kyverno_namespace, pods, names.KYVERNO_METRICS_PORT)
    yield Scraped("tenants", "tenants", gateway.namespace, _labels("tenants"), names.TENANTS_STATUS_PORT)
    yield Scraped("database", "database-exporter", gateway.namespace, exporter, names.DATABASE_EXPORTER_PORT)
    if part.cache_exporter_image is not None:
        yield Scraped("cache", "cache-exporter", gateway.namespace, exporter, names.CACHE_EXPORTER_PORT)


def _labels(name: str, instance: str | None = None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(selector(name, instance).items()))


def configuration(part: PrometheusPart, targets: Targets) -> str:
    """`prometheus.yml`, which names the rules beside it."""
    every = f"{part.scrape_seconds}s"
    document: dict[str, Any] = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [f"{CONFIGURATION_PATH}/{RULES_KEY}"],
        "scrape_configs": scrape_configs(part, targets),
    }
    if part.alertmanagers:
        document["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": list(part.alertmanagers)}]}]}
    return yaml.safe_dump(document, sort_keys=False)


def scrape_configs(part: PrometheusPart, targets: Targets) -> list[dict[str, Any]]:
    """The jobs, each with everything that bears its name."""
    jobs: dict[str, list[Scraped]] = {}
    for target in scraped(part, targets):
        jobs.setdefault(target.job, []).append(target)
    own = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{names.PROMETHEUS_PORT}"]}]}
    return [*(_job(name, found) for name, found in jobs.items()), own]


def _job(name: str, found: list[Scraped]) -> dict[str, Any]:
    discovery = [
        {"names": [target.host], "type": "A", "port": target.port, "refresh_interval": "15s"} for target in found
    ]
    return {
        "job_name": name,
        **EXTRAS.get(name, {}),
        "dns_sd_configs": discovery,
        "relabel_configs": [_part_of_name(r"[^.]+\.([^.]+)\..+", "namespace"), *RELABELLED.get(name, [])],
        "metric_relabel_configs": METRICS.get(name, []),
    }


def _part_of_name(pattern: str, label: str) -> Rule:
    return {"source_labels": ["__meta_dns_name"], "regex": pattern, "target_label": label}


EXTRAS: dict[str, dict[str, Any]] = {
    # Kueue signs a certificate for itself at every start, so there is nothing to check it against; whoever asks it is
    # checked by the API server.
    "kueue": {
        "scheme": "https",
        "authorization": {"credentials_file": _TOKEN},
        "tls_config": {"insecure_skip_verify": True},
    }
}
RELABELLED: dict[str, list[Rule]] = {"engine": [_part_of_name(rf"engine-(.+){SUFFIX}\..+", "model")]}
METRICS: dict[str, list[Rule]] = {
    "database": [{"action": "keep", "source_labels": ["__name__"], "regex": DATABASE_METRICS}],
    "gateway": [
        {"source_labels": ["team_alias"], "regex": f"{TEAM_PREFIX}(.+)", "target_label": "tenant"},
        {"source_labels": ["requested_model"], "regex": "(.+)", "target_label": "model"},
        {"action": "labeldrop", "regex": f"requested_model|team_alias|{IDENTITY_LABELS}"},
    ],
}
