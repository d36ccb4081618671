"""SR1 as data: every namespace of the platform is closed, and each opening has a caller, a port and a reason."""

import ipaddress
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.audit.offline.network import lets_through
from infra.audit.packets.matrix import Caller, Target
from infra.audit.packets.places import Destination, Position
from infra.blueprint import names
from infra.blueprint.model import Blueprint
from infra.blueprint.network import (
    AddressesPeer,
    ApiServerPeer,
    EveryPodPeer,
    ManagedService,
    NetworkPolicyPart,
    NetworkRulePart,
    PodsPeer,
    PortPart,
)
from infra.config.stack import StackConfig
from infra.config.trust import Tier
from infra.posture import platform_of
from tests.strategies import TODAY, configurations
from tests.unit.blueprint.isolated import blueprint_with

METADATA_SERVERS = tuple(map(ipaddress.ip_address, ("169.254.169.254", "169.254.169.252")))
MAY_REACH_THE_API_SERVER = {"kueue", "kyverno"}
MAY_REACH_STORES = {"gateway", "gateway-migration", "datastore-exporter"}
EXTERNAL_STORES: Mapping[str, object] = {
    "gateway.database": {"kind": "external", "networks": ["10.20.0.0/24", "203.0.113.128/25"], "port": 6432},
    "gateway.cache": {"kind": "external", "networks": ["10.20.1.0/24"]},
    "database_url": {"secure": "ciphertext"},
    "cache_url": {"secure": "ciphertext"},
}
MANAGED_STORES: Mapping[str, object] = {
    "cluster": {"kind": "gke", "project": "example-project", "location": "europe-west4"},
    "gateway.database": {"kind": "cloud_sql"},
    "gateway.cache": {"kind": "memorystore"},
}


def hardened(config: StackConfig) -> Blueprint:
    return platform_of("test", config, TODAY).blueprint


def rules(policy: NetworkPolicyPart) -> Iterator[NetworkRulePart]:
    yield from policy.ingress or ()
    yield from policy.egress or ()


def policy(blueprint: Blueprint, namespace: str, name: str) -> NetworkPolicyPart:
    (found,) = (one for one in blueprint.network_policies if (one.namespace, one.name) == (namespace, name))
    return found


def callers(rule: NetworkRulePart) -> set[tuple[str, str]]:
    assert rule.peers is not None
    assert all(isinstance(peer, PodsPeer) for peer in rule.peers)
    return {
        (peer.namespace, peer.labels.get("app.kubernetes.io/name", ""))
        for peer in rule.peers
        if isinstance(peer, PodsPeer)
    }


def test_without_the_control_there_is_no_policy() -> None:
    assert blueprint_with("trusted").network_policies == ()


def test_the_control_can_be_switched_on_by_itself() -> None:
    assert blueprint_with("trusted", "SR1").network_policies
    assert blueprint_with("trusted", "SR1").tenant_spaces == ()


@settings(max_examples=25)
@given(configurations(tiers=st.just(Tier.GOVERNED)))
def test_every_namespace_of_the_platform_is_closed_in_both_directions(config: StackConfig) -> None:
    blueprint = hardened(config)
    closed = {
        one.namespace for one in blueprint.network_policies if not one.pods and one.ingress == () and one.egress == ()
    }

    platform = {part.name for part in blueprint.namespaces} - {names.WORKLOADS_NAMESPACE}
    assert platform <= closed
    assert {engine.namespace for engine in blueprint.engines} <= closed


@settings(max_examples=25)
@given(configurations(tiers=st.sampled_from([Tier.GOVERNED, Tier.PARTITIONED])))
def test_nothing_is_open_to_the_metadata_server(config: StackConfig) -> None:
    blueprint = hardened(config)
    spaces = (one for space in blueprint.tenant_spaces for one in space.network_policies)
    for one in (*blueprint.network_policies, *spaces):
        for rule in one.egress or ():
            assert rule.peers is not None, f"{one.name} may reach anybody"
            for peer in rule.peers:
                if isinstance(peer, AddressesPeer):
                    assert not any(reaches(peer, server) for server in METADATA_SERVERS), one


def reaches(peer: AddressesPeer, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inside = address in ipaddress.ip_network(peer.network)
    return inside and not any(address in ipaddress.ip_network(network) for network in peer.excluded)


@settings(max_examples=25)
@given(configurations(tiers=st.sampled_from([Tier.GOVERNED, Tier.PARTITIONED])))
def test_the_api_server_is_open_to_controllers_alone(config: StackConfig) -> None:
    for one in hardened(config).network_policies:
        for rule in one.egress or ():
            for peer in rule.peers or ():
                if isinstance(peer, ApiServerPeer):
                    assert one.name in MAY_REACH_THE_API_SERVER
                if isinstance(peer, EveryPodPeer):
                    assert one.namespace == names.WORKLOADS_NAMESPACE or one.name == "prometheus"


@settings(max_examples=25)
@given(configurations(tiers=st.just(Tier.GOVERNED)))
def test_peers_are_named_by_namespaces_where_no_tenant_makes_pods(config: StackConfig) -> None:
    blueprint = hardened(config)
    platform = {part.name for part in blueprint.namespaces} - {names.WORKLOADS_NAMESPACE} | {"kube-system"}
    administrators = set(blueprint.gateway.admin_namespaces)
    for one in blueprint.network_policies:
        for rule in rules(one):
            assert {
                peer.namespace for peer in rule.peers or () if isinstance(peer, PodsPeer)
            } <= platform | administrators


def test_the_gateway_is_the_only_caller_of_an_engine() -> None:
    plain, encrypted = list(policy(blueprint_with("governed"), names.ENGINES_NAMESPACE, "engine").ingress or ())

    assert callers(plain) == callers(encrypted) == {(names.GATEWAY_NAMESPACE, "gateway")}
    assert [port.number for port in plain.ports] == [names.ENGINE_PORT]
    assert [port.number for port in encrypted.ports] == [names.ENGINE_TLS_PORT]


@pytest.mark.parametrize("tier", ["governed", "partitioned", "adversarial"])
def test_a_replica_reaches_engines_the_one_way_that_it_calls_them(tier: str) -> None:
    """At every tier both ways stand open, so that old and new replicas answer side by side during a change."""
    policies = blueprint_with(tier).network_policies
    old = names.workload_labels("gateway")
    new = {**old, names.ENGINE_TRAFFIC_LABEL: names.MUTUAL_TLS}

    def opened(labels: Mapping[str, str]) -> set[int]:
        caller = Position(Caller.GATEWAY, "", names.GATEWAY_NAMESPACE, labels)
        engine = names.workload_labels("engine", "llama")
        ports = (names.ENGINE_PORT, names.ENGINE_TLS_PORT)
        places = [Destination(Target.ENGINE, "", port, "", names.ENGINES_NAMESPACE, engine) for port in ports]
        return {place.port for place in places if lets_through(policies, caller, place)}

    assert opened(old) == {names.ENGINE_PORT}
    assert opened(new) == {names.ENGINE_TLS_PORT}
    assert opened({"app.kubernetes.io/name": "tenants"}) == set()


def test_a_scraper_reads_an_engine_where_there_is_one() -> None:
    blueprint = blueprint_with("governed", changes={"observability": {"kind": "prometheus"}})
    *_, scraped = list(policy(blueprint, names.ENGINES_NAMESPACE, "engine").ingress or ())

    assert callers(scraped) == {(names.OBSERVABILITY_NAMESPACE, "prometheus")}


def test_prometheus_reaches_no_api_server_whatever_port_its_alertmanagers_have() -> None:
    observability = {"kind": "prometheus", "alertmanagers": ["alerts.example.com:443"]}
    scraper = policy(
        blueprint_with("governed", changes={"observability": observability}),
        names.OBSERVABILITY_NAMESPACE,
        "prometheus",
    )
    reached = [(peer, rule) for rule in scraper.egress or () for peer in rule.peers or ()]

    (anywhere,) = (peer for peer, rule in reached if isinstance(peer, AddressesPeer) and PortPart(443) in rule.ports)
    assert anywhere.without_api_server
    assert not any(isinstance(peer, ApiServerPeer) for peer, _ in reached)


def test_prometheus_reaches_no_external_database_or_cache_at_the_port_of_its_alertmanagers() -> None:
    observability = {"kind": "prometheus", "alertmanagers": ["alerts.example.com:6432"]}
    scraper = policy(
        blueprint_with("governed", changes={**EXTERNAL_STORES, "observability": observability}),
        names.OBSERVABILITY_NAMESPACE,
        "prometheus",
    )
    reached = [(peer, rule) for rule in scraper.egress or () for peer in rule.peers or ()]

    (alerts,) = (peer for peer, rule in reached if isinstance(peer, AddressesPeer) and PortPart(6432) in rule.ports)
    for store in ("10.20.0.7", "203.0.113.129", "10.20.1.7"):
        assert not reaches(alerts, ipaddress.ip_address(store))
    assert reaches(alerts, ipaddress.ip_address("203.0.113.7"))


def test_an_engine_opens_nothing_but_for_its_weights() -> None:
    blueprint = blueprint_with("governed")
    weights = policy(blueprint, names.ENGINES_NAMESPACE, "engine-llama-weights")
    *_, hub = list(weights.egress or ())

    assert policy(blueprint, names.ENGINES_NAMESPACE, "engine").egress == ()
    assert [port.number for port in hub.ports] == [443]
    assert weights.ingress == ()
    (peer,) = list(hub.peers or ())
    assert isinstance(peer, AddressesPeer)
    for inside in ("10.96.0.1", "172.16.0.2", "192.168.1.1", "169.254.169.254", "100.64.0.1"):
        assert not reaches(peer, ipaddress.ip_address(inside))
    assert reaches(peer, ipaddress.ip_address("203.0.113.7"))
    # Its address may be as public as the hub's.
    assert peer.without_api_server


def test_weights_in_the_image_need_no_way_out() -> None:
    blueprint = blueprint_with("governed", changes={"models.0.source": "/models/llama"})

    assert [one.name for one in blueprint.network_policies if one.name.endswith("weights")] == []


def test_the_database_admits_the_gateway_and_its_migration() -> None:
    (rule,) = list(policy(blueprint_with("governed"), names.GATEWAY_NAMESPACE, "database").ingress or ())

    assert callers(rule) == {(names.GATEWAY_NAMESPACE, "gateway"), (names.GATEWAY_NAMESPACE, "gateway-migration")}


def test_the_cache_admits_the_gateway() -> None:
    blueprint = blueprint_with("governed", changes={"gateway.cache": {"kind": "in_cluster"}})
    (rule,) = list(policy(blueprint, names.GATEWAY_NAMESPACE, "cache").ingress or ())

    assert callers(rule) == {(names.GATEWAY_NAMESPACE, "gateway")}


def test_an_external_database_and_a_provider_are_reached_where_the_stack_file_says() -> None:
    changes = {
        "gateway.database": {"kind": "external", "networks": ["10.20.0.0/24"], "port": 6432},
        "gateway.external_providers": [{"name": "example-ai", "networks": ["203.0.113.0/24"]}],
        "database_url": {"secure": "ciphertext"},
    }
    gateway = policy(blueprint_with("governed", changes=changes), names.GATEWAY_NAMESPACE, "gateway")
    opened = {
        (peer.network, port.number)
        for rule in gateway.egress or ()
        for peer in rule.peers or ()
        if isinstance(peer, AddressesPeer)
        for port in rule.ports
        if port.number != 53
    }

    assert opened == {("10.20.0.0/24", 6432), ("203.0.113.0/24", 443)}


def test_tenants_who_share_a_namespace_reach_anything_but_the_metadata_and_api_servers() -> None:
    (_, anything) = list(policy(blueprint_with("governed"), names.WORKLOADS_NAMESPACE, "workloads").egress or ())
    (addresses,) = (peer for peer in anything.peers or () if isinstance(peer, AddressesPeer))

    assert addresses.without_api_server
    assert (addresses.excluded, addresses.without_services) == (("169.254.0.0/16",), ())
    assert reaches(addresses, ipaddress.ip_address("203.0.113.7"))
    assert policy(blueprint_with("governed"), names.WORKLOADS_NAMESPACE, "workloads").ingress is None


def test_tenants_who_share_a_namespace_reach_no_network_of_an_external_database_or_cache() -> None:
    blueprint = blueprint_with("governed", changes=EXTERNAL_STORES)
    (_, anything) = list(policy(blueprint, names.WORKLOADS_NAMESPACE, "workloads").egress or ())
    (addresses,) = (peer for peer in anything.peers or () if isinstance(peer, AddressesPeer))

    for store in ("10.20.0.7", "203.0.113.129", "10.20.1.7", "169.254.169.254"):
        assert not reaches(addresses, ipaddress.ip_address(store))
    for beside in ("10.20.2.7", "203.0.113.7"):
        assert reaches(addresses, ipaddress.ip_address(beside))


def test_tenants_who_share_a_namespace_reach_addresses_once_those_of_managed_services_are_known_and_left_out() -> None:
    blueprint = blueprint_with("governed", changes=MANAGED_STORES)
    at_once = policy(blueprint, names.WORKLOADS_NAMESPACE, "workloads")
    later = policy(blueprint, names.WORKLOADS_NAMESPACE, "workloads-managed-services")
    (addresses,) = (peer for rule in later.egress or () for peer in rule.peers or ())

    assert isinstance(addresses, AddressesPeer)
    assert addresses.without_services == (ManagedService.DATABASE, ManagedService.CACHE)
    assert addresses.without_api_server
    assert not reaches(addresses, METADATA_SERVERS[0])
    opened = [peer for rule in at_once.egress or () if not rule.ports for peer in rule.peers or ()]
    assert opened == [EveryPodPeer()]
    assert (at_once.ingress, later.ingress) == (None, None)


@settings(max_examples=25)
@given(configurations(tiers=st.sampled_from([Tier.GOVERNED, Tier.PARTITIONED])))
def test_no_addresses_but_for_whoever_keeps_something_there_hold_a_database_or_a_cache(config: StackConfig) -> None:
    blueprint = hardened(config)
    stores = [
        one.network_address
        for store in (blueprint.gateway.database, blueprint.gateway.cache)
        for one in map(ipaddress.ip_network, getattr(store, "networks", ()))
    ]
    for one in blueprint.network_policies:
        if one.name in MAY_REACH_STORES:
            continue
        for peer in (peer for rule in one.egress or () for peer in rule.peers or ()):
            if isinstance(peer, AddressesPeer):
                assert not any(reaches(peer, store) for store in stores), one


def test_a_namespace_of_a_later_control_is_closed_as_well() -> None:
    blueprint = blueprint_with("trusted", "SR1", "SR2")

    assert policy(blueprint, names.KYVERNO_NAMESPACE, "default-deny")
    assert policy(blueprint, names.KYVERNO_NAMESPACE, "kyverno")


def test_a_rule_without_peers_is_refused_since_kubernetes_reads_it_as_anybody() -> None:
    with pytest.raises(ValueError, match="open to anybody"):
        NetworkRulePart((), (), "a list that came out empty")
