"""A policy's rules as Kubernetes spells them. Pure but for addresses that are known only later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

import pulumi

from infra.blueprint.network import (
    AddressesPeer,
    ApiServerPeer,
    EveryPodPeer,
    ManagedService,
    ManagedServicePeer,
    NetworkPeer,
    NetworkRulePart,
    PodsPeer,
    PortPart,
)

if TYPE_CHECKING:
    from pulumi_kubernetes.meta.v1 import LabelSelectorArgsDict
    from pulumi_kubernetes.networking.v1 import IPBlockArgsDict, NetworkPolicyPeerArgsDict, NetworkPolicyPortArgsDict

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Set on every namespace by the API server, so that nobody can give it to another one."""


@dataclass(frozen=True)
class Addresses:
    """What a blueprint cannot know.

    Attributes:
        api_server: The API server's own addresses, as networks; required where a rule names it or leaves it out.
        services: The networks of managed services; required for those that a rule names or leaves out.
    """

    api_server: pulumi.Output[list[str]] | None = None
    services: Mapping[ManagedService, pulumi.Output[str]] = field(
        default_factory=dict[ManagedService, "pulumi.Output[str]"]
    )


def peers(rule: NetworkRulePart, addresses: Addresses) -> "pulumi.Input[Sequence[NetworkPolicyPeerArgsDict]]":
    """The rule's other side.

    Raises:
        ValueError: a peer's addresses are not given.
    """
    found = [peer_list(peer, addresses) for peer in rule.peers or ()]
    known = [peer for group in found if isinstance(group, list) for peer in group]
    later = [group for group in found if isinstance(group, pulumi.Output)]
    if not later:
        return known
    return pulumi.Output.all(*later).apply(lambda groups: [*known, *(peer for group in groups for peer in group)])


def peer_list(
    peer: NetworkPeer, addresses: Addresses
) -> "list[NetworkPolicyPeerArgsDict] | pulumi.Output[list[NetworkPolicyPeerArgsDict]]":
    """One peer, which may be several of Kubernetes'."""
    match peer:
        case PodsPeer():
            return [_pods(peer)]
        case EveryPodPeer():
            return [{"namespace_selector": {}}]
        case AddressesPeer(network=network, excluded=excluded, without_api_server=False, without_services=()):
            return [_block(network, excluded)]
        case AddressesPeer(network=network, excluded=excluded):
            return _left_out(peer, addresses).apply(lambda others: [_block(network, (*excluded, *others))])
        case ApiServerPeer():
            return _api_server(addresses).apply(lambda servers: [_block(server) for server in servers])
        case ManagedServicePeer(service=service):
            return _service(service, addresses).apply(lambda network: [_block(network)])
        case _:
            assert_never(peer)


def _pods(peer: PodsPeer) -> "NetworkPolicyPeerArgsDict":
    pods: NetworkPolicyPeerArgsDict = {"namespace_selector": {"match_labels": {NAMESPACE_LABEL: peer.namespace}}}
    selector: LabelSelectorArgsDict = {}
    if peer.labels:
        selector["match_labels"] = dict(sorted(peer.labels.items()))
    if peer.lacking:
        # A pod without the label at all is one of them, too.
        selector["match_expressions"] = [
            {"key": key, "operator": "NotIn", "values": [value]} for key, value in sorted(peer.lacking.items())
        ]
    if selector:
        pods["pod_selector"] = selector
    return pods


def _block(network: str, excluded: Sequence[str] = ()) -> "NetworkPolicyPeerArgsDict":
    block: IPBlockArgsDict = {"cidr": network}
    # No empty list: the API server drops it, and the object would differ from the program for ever.
    if excluded:
        block["except_"] = sorted(excluded)
    return {"ip_block": block}


def _left_out(peer: AddressesPeer, addresses: Addresses) -> pulumi.Output[list[str]]:
    """The networks that a peer leaves out and that are known only later."""
    services = pulumi.Output.all(*(_service(service, addresses) for service in peer.without_services))
    if not peer.without_api_server:
        return services
    return pulumi.Output.all(_api_server(addresses), services).apply(lambda found: [*found[0], *found[1]])


def _service(service: ManagedService, addresses: Addresses) -> pulumi.Output[str]:
    if service not in addresses.services:
        raise ValueError(f"a network policy names the {service}, whose address was not given")
    return addresses.services[service]


def _api_server(addresses: Addresses) -> pulumi.Output[list[str]]:
    if addresses.api_server is None:
        raise ValueError("a network policy names the API server, whose addresses were not given")
    return addresses.api_server


def ports(parts: Sequence[PortPart]) -> "list[NetworkPolicyPortArgsDict]":
    """Ports by number."""
    return [{"protocol": str(part.protocol), "port": part.number} for part in parts]
