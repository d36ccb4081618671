"""Policies as Kubernetes reads them: a direction that is named is closed; an address that nobody knows is refused."""

from typing import Any

import pulumi
import pytest

from components.network_policies import Addresses, NetworkPolicies, NetworkPoliciesArgs, service_network
from components.network_policies.addresses import network_of, networks_of
from infra.blueprint.network import (
    AddressesPeer,
    ApiServerPeer,
    EveryPodPeer,
    ManagedService,
    ManagedServicePeer,
    NetworkPeer,
    NetworkPolicyPart,
    NetworkRulePart,
    PodsPeer,
    PortPart,
    Protocol,
)
from tests.unit.components.recording import Recording, record

SERVER = "192.0.2.9/32"


def policy(*rules: NetworkRulePart, ingress: tuple[NetworkRulePart, ...] | None = ()) -> NetworkPolicyPart:
    return NetworkPolicyPart("gateway", "bulkhead-gateway", "SR1", {"name": "gateway"}, ingress, rules)


def made(part: NetworkPolicyPart) -> Recording:
    def program() -> Any:
        addresses = Addresses(
            pulumi.Output.from_input([SERVER]), {ManagedService.CACHE: pulumi.Output.from_input("10.0.0.4/32")}
        )
        NetworkPolicies("network-policies", NetworkPoliciesArgs((part,), addresses))

    return record(program)


def spec(part: NetworkPolicyPart) -> dict[str, Any]:
    return made(part).one("NetworkPolicy").inputs["spec"]


def peer(part: NetworkPeer) -> list[dict[str, Any]]:
    (rule,) = spec(policy(NetworkRulePart((part,), (PortPart(443),), "a test")))["egress"]
    return rule["to"]


def test_a_policy_without_rules_closes_both_directions() -> None:
    assert spec(NetworkPolicyPart("default-deny", "bulkhead-engines", "SR1", {}, (), ())) == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_a_direction_that_is_not_limited_is_not_named() -> None:
    assert spec(policy(ingress=None))["policyTypes"] == ["Egress"]


def test_pods_are_named_by_their_namespaces_own_name_and_their_labels() -> None:
    assert peer(PodsPeer("bulkhead-engines", {"app.kubernetes.io/name": "engine"})) == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bulkhead-engines"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "engine"}},
        }
    ]


def test_pods_that_carry_a_label_can_be_left_out_and_those_without_it_are_meant() -> None:
    (selected,) = peer(PodsPeer("gateway", {"app.kubernetes.io/name": "gateway"}, {"example.com/way": "new"}))

    assert selected["podSelector"] == {
        "matchLabels": {"app.kubernetes.io/name": "gateway"},
        "matchExpressions": [{"key": "example.com/way", "operator": "NotIn", "values": ["new"]}],
    }


def test_every_pod_is_an_empty_selector_of_namespaces() -> None:
    assert peer(EveryPodPeer()) == [{"namespaceSelector": {}}]


def test_addresses_leave_out_what_is_excluded_and_the_api_server() -> None:
    assert peer(AddressesPeer("0.0.0.0/0", ("169.254.0.0/16",), without_api_server=True)) == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16", SERVER]}}
    ]
    assert peer(AddressesPeer("203.0.113.0/24")) == [{"ipBlock": {"cidr": "203.0.113.0/24"}}]


def test_addresses_leave_out_managed_services() -> None:
    services = (ManagedService.CACHE,)

    assert peer(AddressesPeer("0.0.0.0/0", ("169.254.0.0/16",), without_services=services)) == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.4/32", "169.254.0.0/16"]}}
    ]
    assert peer(AddressesPeer("0.0.0.0/0", without_api_server=True, without_services=services)) == [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.4/32", SERVER]}}
    ]


def test_the_api_server_is_its_real_address() -> None:
    assert peer(ApiServerPeer()) == [{"ipBlock": {"cidr": SERVER}}]


def test_a_managed_service_is_its_own_address() -> None:
    assert peer(ManagedServicePeer(ManagedService.CACHE)) == [{"ipBlock": {"cidr": "10.0.0.4/32"}}]


def test_anybody_is_a_rule_with_ports_alone() -> None:
    rule = NetworkRulePart(None, (PortPart(53, Protocol.UDP),), "a test")

    assert spec(policy(rule))["egress"] == [{"ports": [{"port": 53, "protocol": "UDP"}]}]


def test_a_service_whose_address_is_not_given_is_refused() -> None:
    with pytest.raises(ValueError, match="database"):
        peer(ManagedServicePeer(ManagedService.DATABASE))
    with pytest.raises(ValueError, match="database"):
        peer(AddressesPeer("0.0.0.0/0", without_services=(ManagedService.DATABASE,)))


def test_every_policy_says_whose_it_is_and_why() -> None:
    metadata = made(policy(NetworkRulePart(None, (PortPart(1),), "a reason"))).one("NetworkPolicy").inputs["metadata"]

    assert metadata["labels"]["bulkhead.dev/control"] == "SR1"
    assert metadata["annotations"]["bulkhead.dev/reasons"] == "a reason"


def test_the_api_servers_addresses_are_read_from_the_cluster() -> None:
    assert networks_of([{"addresses": ["192.0.2.2", "192.0.2.1"]}, {"addresses": ["2001:db8::1"]}]) == [
        "192.0.2.1/32",
        "192.0.2.2/32",
        "2001:db8::1/128",
    ]


def test_no_address_of_an_api_server_is_an_error_and_not_an_empty_list() -> None:
    with pytest.raises(ValueError, match="lists no address"):
        networks_of([])


def test_a_host_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
        network_of("database.example.com")


def test_a_services_address_is_no_secret_though_its_url_is() -> None:
    def program() -> Any:
        url = pulumi.Output.secret("postgresql://litellm:generated@10.0.0.3:5432/litellm")
        network = service_network(url)
        return {"network": network, "secret": network.is_secret()}

    assert record(program).returned == {"network": "10.0.0.3/32", "secret": False}
