"""Prometheus and the exporters as resources."""

from typing import Any

import pulumi
import pytest

from components.cache import CacheConnection
from components.database import DatabaseConnection
from components.observability import DatastoreExporter, DatastoreExporterArgs, Prometheus, PrometheusArgs
from components.observability.exporters import cache_address, cache_password, driver_url
from components.observability.pod import retention_mebibytes
from tests.unit.components.observability.parts import TARGETS, prometheus_part, without_cache
from tests.unit.components.recording import Recording, Secret, record, strings

DATABASE = "postgresql://litellm:sentinel-one@database.gateway.svc:5432/litellm?connection_limit=10"
CACHE = "rediss://:sentinel-two@10.1.2.3:6378?ssl_ca_certs=/etc/bulkhead/cache/ca.pem"


def prometheus(**changes: Any) -> Recording:
    return record(lambda: Prometheus("prometheus", PrometheusArgs(prometheus_part(**changes), TARGETS)))


def exporters(authority: str | None = "PEM", **changes: Any) -> Recording:
    def program() -> None:
        part = prometheus_part(**changes)
        database = DatabaseConnection(pulumi.Output.secret(DATABASE), ())
        pem = pulumi.Output.from_input(authority) if authority else None
        cache = CacheConnection(pulumi.Output.secret(CACHE), pem, ()) if part.cache_exporter_image else None
        DatastoreExporter("datastore-exporter", DatastoreExporterArgs(part, "gateway", database, cache))

    return record(program)


def test_its_account_may_read_metrics_and_nothing_else() -> None:
    recording = prometheus()

    assert recording.one("ClusterRole").inputs["rules"] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    assert not recording.of("Role")


def test_pods_are_listed_by_name_whether_ready_or_not() -> None:
    services = {service.inputs["metadata"]["name"]: service.inputs["spec"] for service in prometheus().of("Service")}
    listing = {name: spec for name, spec in services.items() if name.endswith("-metrics")}

    assert set(services) - set(listing) == {"prometheus"}
    assert "engine-tiny-metrics" in listing
    for spec in listing.values():
        assert spec["clusterIP"] == "None"
        assert spec["publishNotReadyAddresses"] is True


def test_another_configuration_rolls_it_and_the_same_does_not() -> None:
    def name(recording: Recording) -> str:
        return recording.named("prometheus-configuration").inputs["metadata"]["name"]

    assert name(prometheus()) == name(prometheus())
    assert name(prometheus()) != name(prometheus(scrape_seconds=15))


def test_nobody_queries_it_unless_their_namespace_is_listed() -> None:
    closed = prometheus().one("NetworkPolicy").inputs["spec"]
    opened = prometheus(read_from=("monitoring",)).one("NetworkPolicy").inputs["spec"]

    assert closed["policyTypes"] == ["Ingress"]
    assert closed["ingress"] == []
    (rule,) = opened["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


def test_its_volume_outlives_it_and_is_never_filled() -> None:
    spec = prometheus().one("StatefulSet").inputs["spec"]
    (container,) = spec["template"]["spec"]["containers"]

    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert "--storage.tsdb.retention.size=8192MB" in container["args"]
    assert not [argument for argument in container["args"] if "admin-api" in argument or "lifecycle" in argument]


@pytest.mark.parametrize(("storage", "mebibytes"), [("1Gi", 819), ("500Mi", 400), ("2Ti", 1677721)])
def test_four_fifths_of_the_volume_are_used(storage: str, mebibytes: int) -> None:
    assert retention_mebibytes(storage) == mebibytes


def test_a_volume_too_small_to_work_on_is_refused() -> None:
    with pytest.raises(ValueError, match="give it 1Gi or more"):
        retention_mebibytes("10Mi")


def test_the_exporters_show_no_password() -> None:
    recording = exporters()
    shown = " ".join(text for resource in recording.resources for text in strings(resource.inputs))

    assert "sentinel" not in shown
    assert isinstance(recording.one("Secret").inputs["stringData"], Secret) or all(
        isinstance(value, Secret) for value in recording.one("Secret").inputs["stringData"].values()
    )


def test_the_database_is_asked_by_what_its_driver_understands() -> None:
    assert driver_url(DATABASE) == (
        "postgresql://litellm:sentinel-one@database.gateway.svc:5432/litellm?sslmode=disable"
    )
    assert driver_url("postgresql://u:p@h/d?sslmode=require&pgbouncer=true") == "postgresql://u:p@h/d?sslmode=require"


def test_the_cache_is_asked_by_address_and_password_apart() -> None:
    assert cache_address(CACHE) == "rediss://10.1.2.3:6378"
    assert cache_password(CACHE) == "sentinel-two"
    assert cache_password("redis://host") == ""


def test_without_a_cache_there_is_one_exporter() -> None:
    def containers(recording: Recording) -> list[str]:
        return [one["name"] for one in recording.one("Deployment").inputs["spec"]["template"]["spec"]["containers"]]

    assert containers(exporters()) == ["postgresql", "redis"]
    assert containers(exporters(**without_cache())) == ["postgresql"]


def test_a_cache_without_its_exporter_is_a_bug() -> None:
    with pytest.raises(ValueError, match="disagree about a cache"):
        DatastoreExporter(
            "x",
            DatastoreExporterArgs(
                prometheus_part(), "gateway", DatabaseConnection(pulumi.Output.from_input("u"), ()), None
            ),
        )
