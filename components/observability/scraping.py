"""Prometheus' configuration: whom it asks, how it finds them, and which labels its series carry.

Pure, and valid for Prometheus 2.42 and 3. Targets are pods with the platform's own labels in the platform's own
namespaces, so that a tenant's pod is never asked and a scrape needs no right beyond those namespaces. Every series
carries `namespace` and, as `instance`, the pod's name, which outlives an address; series of one tenant carry `tenant`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from components.observability.exporters import CACHE_EXPORTER, DATABASE_EXPORTER, EXPORTER_NAME
from components.shared.metadata import INSTANCE_LABEL, NAME_LABEL
from infra.blueprint.model import EnginePart, GatewayPart, PrometheusPart, QuotaPart

CONFIGURATION_PATH = "/etc/bulkhead/prometheus"
RULES_KEY = "rules.yml"
KUEUE_PORT = 8443
CONTAINER_METRICS = "container_(cpu_usage_seconds_total|memory_working_set_bytes)"
VOLUME_METRICS = "kubelet_volume_stats_(available|capacity|used)_bytes"
"""All that is kept of what a kubelet tells."""

DATABASE_METRICS = "pg_(up|database_size_bytes|settings_max_connections|stat_activity_count|stat_database_.+)"
"""Of what the database's exporter tells; some three hundred settings of the server are left out."""

IDENTITY_LABELS = "api_key_alias|client_ip|end_user|hashed_api_key|team|user|user_agent|user_alias|user_email"
"""Dropped should the gateway ever send them: a key's digest, a person and an address are nobody's business here."""

TEAM_PREFIX = "bulkhead-"
"""Before a tenant's name in that of its team (components.tenants)."""

_TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a folder
_TOKEN = {"authorization": {"credentials_file": f"{_TOKEN_FOLDER}/token"}}

Rule = dict[str, Any]


@dataclass(frozen=True)
class Targets:
    """What there is to be scraped."""

    gateway: GatewayPart
    engines: tuple[EnginePart, ...]
    quota: QuotaPart

    @property
    def engine_namespaces(self) -> tuple[str, ...]:
        """Where engines run."""
        return tuple(sorted({engine.namespace for engine in self.engines}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace whose pods are looked up."""
        return tuple(sorted({self.gateway.namespace, self.quota.namespace, *self.engine_namespaces}))


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
    """The jobs, by what answers; a job's name is what queries and alerts ask for."""
    gateway = targets.gateway
    jobs = [
        _pods("engine", targets.engine_namespaces, "engine", _ports(targets.engines), relabel=[_MODEL]),
        _kueue(targets.quota),
        _database(gateway),
        _pods("tenants", (gateway.namespace,), "tenants", None, relabel=[_keep("pod_container_port_name", "metrics")]),
        _kubelet("kubelet", "/metrics", part, [_named(VOLUME_METRICS)]),
        _kubelet("containers", "/metrics/cadvisor", part, [_named(CONTAINER_METRICS), _OF_WHOLE_PODS]),
        {"job_name": "prometheus", "static_configs": [{"targets": ["127.0.0.1:9090"]}]},
    ]
    if part.cache_exporter_image is not None:
        jobs.append(_pods("cache", (gateway.namespace,), EXPORTER_NAME, (CACHE_EXPORTER.port,)))
    if gateway.metrics_port is not None:
        jobs.append(_gateway(gateway, gateway.metrics_port))
    return sorted(jobs, key=lambda job: job["job_name"])


def _ports(engines: Sequence[EnginePart]) -> tuple[int, ...]:
    return tuple(sorted({engine.port for engine in engines}))


def _meta(name: str) -> str:
    return f"__meta_kubernetes_{name}"


def _label(key: str) -> str:
    return _meta("pod_label_" + "".join(letter if letter.isalnum() else "_" for letter in key))


def _keep(meta: str, pattern: str) -> Rule:
    return {"action": "keep", "source_labels": [_meta(meta)], "regex": pattern}


def _copy(source: str, target: str) -> Rule:
    return {"source_labels": [source], "target_label": target}


_MODEL = _copy(_label(INSTANCE_LABEL), "model")
_POD_LABELS = [_copy(_meta("namespace"), "namespace"), _copy(_meta("pod_name"), "instance")]
_RUNNING = {"action": "drop", "source_labels": [_meta("pod_phase")], "regex": "Failed|Succeeded"}
"""A finished pod answers nobody, and its entry may stay for hours."""


def _pods(
    job: str,
    namespaces: Sequence[str],
    name: str,
    ports: tuple[int, ...] | None,
    relabel: Sequence[Rule] = (),
) -> dict[str, Any]:
    """A job that asks every pod called `name` in `namespaces`, on whichever of its ports is one of `ports`."""
    found: list[Rule] = [{"action": "keep", "source_labels": [_label(NAME_LABEL)], "regex": name}, _RUNNING]
    if ports is not None:
        found.append(_keep("pod_container_port_number", "|".join(map(str, ports))))
    return {
        "job_name": job,
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": list(namespaces)}}],
        "relabel_configs": [*found, *_POD_LABELS, *relabel],
    }


def _database(part: GatewayPart) -> dict[str, Any]:
    job = _pods("database", (part.namespace,), EXPORTER_NAME, (DATABASE_EXPORTER.port,))
    job["metric_relabel_configs"] = [_named(DATABASE_METRICS)]
    return job


def _gateway(part: GatewayPart, port: int) -> dict[str, Any]:
    """The gateway's own series: its teams are the tenants, and it tells nobody's key."""
    job = _pods("gateway", (part.namespace,), "gateway", (port,))
    job["metric_relabel_configs"] = [
        {"source_labels": ["team_alias"], "regex": f"{TEAM_PREFIX}(.+)", "target_label": "tenant"},
        {"source_labels": ["requested_model"], "regex": "(.+)", "target_label": "model"},
        {"action": "labeldrop", "regex": f"requested_model|team_alias|{IDENTITY_LABELS}"},
    ]
    return job


def _kueue(part: QuotaPart) -> dict[str, Any]:
    """Kueue's manager, which asks the API server whether the caller may read `/metrics`.

    Its certificate is one that it signs itself at every start, so there is nothing to check it against.
    """
    return {
        **_pods("kueue", (part.namespace,), "kueue", (KUEUE_PORT,)),
        "scheme": "https",
        **_TOKEN,
        "tls_config": {"insecure_skip_verify": True},
    }


def _named(pattern: str) -> Rule:
    return {"action": "keep", "source_labels": ["__name__"], "regex": pattern}


_OF_WHOLE_PODS = {"action": "keep", "source_labels": ["pod", "container"], "regex": ".+;"}
"""A pod is told once as a whole and once by container, a node once more; only the first can be summed."""


def _kubelet(job: str, path: str, part: PrometheusPart, kept: Sequence[Rule]) -> dict[str, Any]:
    tls: Mapping[str, Any] = (
        {"ca_file": f"{_TOKEN_FOLDER}/ca.crt"} if part.verify_kubelets else {"insecure_skip_verify": True}
    )
    return {
        "job_name": job,
        "scheme": "https",
        "metrics_path": path,
        **_TOKEN,
        "tls_config": dict(tls),
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [
            # Nodes that KWOK simulates have no kubelet.
            {"action": "drop", "source_labels": [_meta("node_annotationpresent_kwok_x_k8s_io_node")], "regex": "true"},
            _copy(_meta("node_name"), "node"),
        ],
        "metric_relabel_configs": list(kept),
    }
