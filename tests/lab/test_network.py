"""SR1 and SR3's network on the lab: real packets, each refusal beside the same connection that passes."""

import time
from collections.abc import Generator

import pytest

from infra.blueprint.names import ENGINE_TRAFFIC_LABEL, MUTUAL_TLS, workload_labels
from lab import cluster
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab import packets
from tests.lab.governed import PROVIDER_ADDRESS, PROVIDER_PORT, GovernedPlatform
from tests.lab.packets import ENCRYPTED, PROMETHEUS, WATCHED, Place, Prober, api_server, probing, reached, reaches
from tests.lab.platform import ENGINES, GATEWAY, MODEL, OBSERVABILITY, WORKLOADS
from tests.lab.prometheus_api import JOBS, PrometheusApi

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

SCRAPED_SECONDS = 120

ENGINE = (ENGINES, "app.kubernetes.io/name=engine", 8000)
DATABASE = (GATEWAY, "app.kubernetes.io/name=database", 5432)
CACHE = (GATEWAY, "app.kubernetes.io/name=cache", 6379)
DOOR = (GATEWAY, "app.kubernetes.io/name=gateway", 4000)
ADMINISTRATION = (GATEWAY, "app.kubernetes.io/name=gateway", 4001)
BEHIND_THE_GATEWAY = [ENGINE, DATABASE, CACHE]


@pytest.fixture(scope="module")
def lab_kubectl(governed: GovernedPlatform) -> cluster.Kubectl:
    return governed.kubectl


@pytest.fixture(scope="module")
def tenant_pod(lab_kubectl: cluster.Kubectl) -> Generator[Prober]:
    """A tenant's pod, in the namespace that tenants share."""
    with probing(lab_kubectl, WORKLOADS, "tenants-probe") as prober:
        yield prober


@pytest.fixture(scope="module")
def another_tenant_pod(lab_kubectl: cluster.Kubectl) -> Generator[Prober]:
    """Another pod beside it, that dresses as the gateway."""
    labels = {"app.kubernetes.io/name": "gateway", "app.kubernetes.io/managed-by": "bulkhead"}
    with probing(lab_kubectl, WORKLOADS, "dressed-as-gateway", labels) as prober:
        yield prober


@pytest.fixture(scope="module")
def stranger(lab_kubectl: cluster.Kubectl) -> Generator[Prober]:
    """A pod of a namespace that is none of the platform's."""
    with probing(lab_kubectl, "default", "strangers-probe") as prober:
        yield prober


@pytest.fixture(scope="module")
def as_gateway(lab_kubectl: cluster.Kubectl) -> Generator[Prober]:
    """A pod with the gateway's labels in the gateway's own namespace: what the policies let the gateway do."""
    with probing(lab_kubectl, GATEWAY, "gateways-probe", {"app.kubernetes.io/name": "gateway"}) as prober:
        yield prober


@pytest.fixture(scope="module")
def as_prometheus(lab_kubectl: cluster.Kubectl) -> Generator[Prober]:
    """A pod with Prometheus' labels in its namespace."""
    with probing(lab_kubectl, OBSERVABILITY, "scrapers-probe", {"app.kubernetes.io/name": "prometheus"}) as prober:
        yield prober


@pytest.fixture(scope="module")
def as_engine(lab_kubectl: cluster.Kubectl) -> Generator[Prober]:
    """A pod with the labels of the model's engine in the engines' namespace, by which every policy of it knows it."""
    with probing(lab_kubectl, ENGINES, "engines-probe", workload_labels("engine", MODEL)) as prober:
        yield prober


@pytest.fixture(scope="module")
def metadata_server() -> Generator[str]:
    with packets.metadata_server() as address:
        yield address


# --- the scraper, before any pod of these tests has a gateway's or an engine's labels: it would be asked, too ---


def test_prometheus_reaches_every_part_that_it_watches_through_the_policies(
    governed: GovernedPlatform, access: ClusterAccess
) -> None:
    """Whoever is not let in is told by an alert alone: without this job, that Kyverno is down."""
    del governed
    deadline = time.monotonic() + SCRAPED_SECONDS
    with access.forwarded_port(OBSERVABILITY, "prometheus", 9090) as port:
        prometheus = PrometheusApi(port)
        while down := prometheus.down(JOBS | {"kyverno"}):
            assert time.monotonic() < deadline, down
            time.sleep(2)
        assert prometheus.query('min(up{job="kyverno"})')[0][1] == 1


# --- who reaches whom -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", BEHIND_THE_GATEWAY, ids=["engine", "database", "cache"])
def test_only_the_gateway_reaches_what_is_behind_it(
    place: Place, as_gateway: Prober, tenant_pod: Prober, another_tenant_pod: Prober, stranger: Prober
) -> None:
    assert reaches(as_gateway, place)
    assert not reaches(tenant_pod, place)
    assert not reaches(another_tenant_pod, place)
    assert not reaches(stranger, place)


def test_everybody_reaches_the_gateways_door_and_no_tenant_its_administration(
    lab_kubectl: cluster.Kubectl, tenant_pod: Prober, stranger: Prober, as_gateway: Prober
) -> None:
    with probing(lab_kubectl, GATEWAY, "accounts-probe", {"app.kubernetes.io/name": "tenants"}) as accounts:
        assert reaches(accounts, ADMINISTRATION)
    assert reaches(tenant_pod, DOOR)
    assert reaches(stranger, DOOR)
    assert not reaches(tenant_pod, ADMINISTRATION)
    assert not reaches(stranger, ADMINISTRATION)
    assert not reaches(as_gateway, ADMINISTRATION)


def test_names_are_looked_up_and_lead_to_the_gateway(tenant_pod: Prober) -> None:
    assert tenant_pod.reaches("gateway.bulkhead-gateway.svc.cluster.local", 4000)


def test_no_pod_of_the_platform_or_of_a_tenant_reaches_the_metadata_server(
    metadata_server: str, stranger: Prober, tenant_pod: Prober, as_gateway: Prober, as_engine: Prober
) -> None:
    assert stranger.reaches(metadata_server, 80), "nothing answers there, so that no refusal would mean anything"
    assert not tenant_pod.reaches(metadata_server, 80)
    assert not as_gateway.reaches(metadata_server, 80)
    assert not as_engine.reaches(metadata_server, 80)


def test_the_gateway_reaches_the_external_provider_that_is_listed_at_its_port_and_no_other_address(
    stranger: Prober, as_gateway: Prober, as_engine: Prober
) -> None:
    another_port, unlisted = PROVIDER_PORT + 1, "203.0.113.8"
    with (
        packets.answering(PROVIDER_ADDRESS, PROVIDER_PORT, another_port) as listed,
        packets.answering(unlisted, PROVIDER_PORT),
    ):
        refused = ((listed, another_port), (unlisted, PROVIDER_PORT))
        for place in ((listed, PROVIDER_PORT), *refused):
            assert stranger.reaches(*place), f"nothing answers at {place}, so that no refusal would mean anything"
        assert as_gateway.reaches(listed, PROVIDER_PORT)
        for place in refused:
            assert not as_gateway.reaches(*place), place
        assert not as_engine.reaches(listed, PROVIDER_PORT)


def test_neither_tenants_nor_gateway_nor_engines_reach_the_api_server_and_kueue_does(
    stranger: Prober, tenant_pod: Prober, as_gateway: Prober, as_engine: Prober, lab_kubectl: cluster.Kubectl
) -> None:
    host, port = api_server(lab_kubectl)
    assert stranger.reaches(host, port)
    with probing(lab_kubectl, "kueue-system", "kueues-probe") as kueue:
        assert kueue.reaches(host, port)
    for closed in (tenant_pod, as_gateway, as_engine):
        assert not closed.reaches(host, port), closed.name


def test_the_gateway_and_the_engines_reach_no_tenant(
    as_gateway: Prober, as_engine: Prober, tenant_pod: Prober, another_tenant_pod: Prober
) -> None:
    assert another_tenant_pod.reaches(tenant_pod.address, 8080)
    assert not as_gateway.reaches(tenant_pod.address, 8080)
    assert not as_engine.reaches(tenant_pod.address, 8080)


def test_an_engine_calls_nobody(as_engine: Prober, as_gateway: Prober) -> None:
    assert reaches(as_gateway, ENGINE)
    for place in (ENGINE, DATABASE, DOOR):
        assert not reaches(as_engine, place)


# --- ports beside those that serve ------------------------------------------------------------------------------


def test_only_prometheus_reaches_what_answers_with_metrics(
    as_prometheus: Prober, tenant_pod: Prober, another_tenant_pod: Prober, stranger: Prober
) -> None:
    assert reached(as_prometheus, WATCHED) == set(WATCHED)
    for closed in (tenant_pod, another_tenant_pod, stranger):
        assert reached(closed, WATCHED) == set(), closed.name


def test_prometheus_reaches_metrics_and_nothing_beside_them(as_prometheus: Prober) -> None:
    """Each of these lets somebody in, as the tests around this one see."""
    beside = {"database": DATABASE, "cache": CACHE, "administration": ADMINISTRATION, "an engine's door": ENCRYPTED}

    assert reached(as_prometheus, beside) == set()


def test_nobody_reaches_prometheus_and_an_administrator_asks_it_by_a_forwarded_port(
    tenant_pod: Prober, another_tenant_pod: Prober, stranger: Prober, as_gateway: Prober, access: ClusterAccess
) -> None:
    with access.forwarded_port(OBSERVABILITY, "prometheus", 9090) as port:
        assert PrometheusApi(port).query("vector(1)")[0][1] == 1
    for closed in (tenant_pod, another_tenant_pod, stranger, as_gateway):
        assert not reaches(closed, PROMETHEUS), closed.name


def test_only_a_gateway_that_encrypts_reaches_an_engines_other_door(
    lab_kubectl: cluster.Kubectl, tenant_pod: Prober, another_tenant_pod: Prober, stranger: Prober, as_gateway: Prober
) -> None:
    """The door is there before any replica of the gateway goes by it."""
    encrypting = {"app.kubernetes.io/name": "gateway", ENGINE_TRAFFIC_LABEL: MUTUAL_TLS}
    with probing(lab_kubectl, GATEWAY, "encrypting-probe", encrypting) as replica:
        assert reaches(replica, ENCRYPTED)
    for closed in (tenant_pod, another_tenant_pod, stranger, as_gateway):
        assert not reaches(closed, ENCRYPTED), closed.name
