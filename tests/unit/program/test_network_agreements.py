"""Policies name pods and ports; components make pods with labels and ports. Neither reads the other's code."""

from typing import Any

from components.cache import in_cluster as cache
from components.database import in_cluster as database
from components.engine.pod import engine_selector
from components.gateway import access, migration, pod
from components.observability import exporters
from components.shared import selector
from components.shared.metadata import CONTROL_LABEL
from components.tenants import accounts
from infra.blueprint import names
from infra.blueprint.network import NetworkRulePart, PodsPeer
from tests.unit.blueprint.isolated import blueprint_with


def test_workloads_are_called_what_the_policies_call_them() -> None:
    assert selector("engine", "llama") == names.workload_labels("engine", "llama")
    assert names.CONTROL_LABEL == CONTROL_LABEL
    assert {
        pod.OBJECT_NAME,
        migration.OBJECT_NAME,
        accounts.OBJECT_NAME,
        database.OBJECT_NAME,
        cache.OBJECT_NAME,
        exporters.EXPORTER_NAME,
        access.SCRAPER_NAME,
    } == {"gateway", "gateway-migration", "tenants", "database", "cache", "datastore-exporter", "prometheus"}


def test_engines_carry_the_labels_that_their_policies_select() -> None:
    for engine in blueprint_with("governed").engines:
        assert names.workload_labels("engine").items() <= engine_selector(engine).items()


def test_the_gateways_own_policy_and_the_platforms_open_the_same_ports_to_the_same_pods() -> None:
    blueprint = blueprint_with("governed", changes={"observability": {"kind": "prometheus"}})
    place = (names.GATEWAY_NAMESPACE, "gateway")
    (ours,) = (one for one in blueprint.network_policies if (one.namespace, one.name) == place)
    theirs: Any = access.network_policy(blueprint.gateway)

    assert {rule.ports[0].number: _names(rule) for rule in ours.ingress or ()} == {
        rule["ports"][0]["port"]: {
            peer["pod_selector"]["match_labels"]["app.kubernetes.io/name"] for peer in rule.get("from_", [])
        }
        for rule in theirs["ingress"]
    }


def _names(rule: NetworkRulePart) -> set[str]:
    return {peer.labels["app.kubernetes.io/name"] for peer in rule.peers or () if isinstance(peer, PodsPeer)}
