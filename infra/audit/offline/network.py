"""What a blueprint's network policies let through, without a cluster.

Kubernetes' own rules: a pod that no policy selects for a direction is open in it, policies add up, and a connection
passes when the caller's way out and the callee's way in both let it.
"""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, ip_network

from infra.audit.packets.judgement import Found, Result, observations
from infra.audit.packets.matrix import Target
from infra.audit.packets.places import METADATA_ADDRESS, Destination, Ground, Position
from infra.audit.results import Observation
from infra.blueprint.model import Blueprint
from infra.blueprint.network import (
    AddressesPeer,
    ApiServerPeer,
    EveryPodPeer,
    ManagedServicePeer,
    NetworkPeer,
    NetworkPolicyPart,
    NetworkRulePart,
    PodsPeer,
    PortPart,
    Protocol,
)
from infra.config.trust import ControlId

NODE_ADDRESS = IPv4Address("10.0.0.1")
"""Stands for nodes and pods, which have private addresses in every cluster."""
PUBLIC_ADDRESS = IPv4Address("198.51.100.1")
"""Stands for the API server of a cluster that has it on the internet (RFC 5737's addresses are nobody's)."""
_ADDRESSES = {
    Target.METADATA: (IPv4Address(METADATA_ADDRESS),),
    # Which of the two it is nobody knows without the cluster, so neither may be open.
    Target.API_SERVER: (NODE_ADDRESS, PUBLIC_ADDRESS),
}
_DNS = {"k8s-app": "kube-dns"}


def network_observations(
    blueprint: Blueprint, ground: Ground, claimed: frozenset[ControlId]
) -> tuple[Observation, ...]:
    """What packets would say, if every destination answered and every policy were enforced."""
    policies = policies_of(blueprint)
    results = {
        position.name: Result(
            {
                destination.name: lets_through(policies, position, destination)
                for place, destination, _ in ground.pairs()
                if place == position
            },
            {},
            visited=True,
        )
        for position in ground.positions
    }
    everywhere = [destination.name for destination in ground.destinations]
    listening = [position.name for position in ground.positions]
    return tuple(observations(ground, Found(results, everywhere, listening, assumed=everywhere), claimed))


def policies_of(blueprint: Blueprint) -> tuple[NetworkPolicyPart, ...]:
    """Every network policy of a blueprint: the platform's and the tenants'."""
    return (
        *blueprint.network_policies,
        *(policy for space in blueprint.tenant_spaces for policy in space.network_policies),
    )


def lets_through(policies: Sequence[NetworkPolicyPart], position: Position, destination: Destination) -> bool:
    """Whether a connection from `position` to `destination` passes."""
    out = [policy.egress for policy in policies if _selects(policy, position.namespace, position.labels)]
    namespace, labels = _pod_of(destination)
    into = [policy.ingress for policy in policies if namespace and _selects(policy, namespace, labels)]
    port = PortPart(destination.port, Protocol.UDP if destination.udp else Protocol.TCP)
    return _open(out, port, lambda peer: _is(peer, destination)) and _open(
        into, port, lambda peer: _is_caller(peer, position)
    )


def _selects(policy: NetworkPolicyPart, namespace: str, labels: Mapping[str, str]) -> bool:
    return policy.namespace == namespace and policy.pods.items() <= labels.items()


def _open(
    directions: Sequence[tuple[NetworkRulePart, ...] | None], port: PortPart, matches: Callable[[NetworkPeer], bool]
) -> bool:
    limiting = [rules for rules in directions if rules is not None]
    return not limiting or any(
        (not rule.ports or port in rule.ports) and (rule.peers is None or any(matches(peer) for peer in rule.peers))
        for rules in limiting
        for rule in rules
    )


def _is(peer: NetworkPeer, destination: Destination) -> bool:
    """Whether a rule on the way out means the destination."""
    namespace, labels = _pod_of(destination)
    match peer:
        case PodsPeer():
            return peer.means(namespace, labels)
        case EveryPodPeer():
            return namespace is not None
        case AddressesPeer():
            return not _left_out(peer, destination) and any(_holds(peer, one) for one in _addresses(destination))
        case ApiServerPeer():
            return destination.target is Target.API_SERVER
        case ManagedServicePeer(service=service):
            return destination.store is not None and destination.store.service is service
        case _:
            return False


def _left_out(peer: AddressesPeer, destination: Destination) -> bool:
    """Whether it is one of those whose addresses only a deployment tells."""
    if destination.target is Target.API_SERVER:
        return peer.without_api_server
    return destination.store is not None and destination.store.service in peer.without_services


def _addresses(destination: Destination) -> Sequence[IPv4Address]:
    """Where it may be; of networks their first addresses, since they are named or left out as a whole."""
    if destination.store is not None and destination.store.networks:
        return [IPv4Network(network).network_address for network in destination.store.networks]
    return _ADDRESSES.get(destination.target, (NODE_ADDRESS,))


def _is_caller(peer: NetworkPeer, position: Position) -> bool:
    """Whether a rule on the way in means the caller."""
    match peer:
        case PodsPeer():
            return peer.means(position.namespace, position.labels)
        case EveryPodPeer():
            return True
        case AddressesPeer():
            return _holds(peer, NODE_ADDRESS)
        case _:
            return False


def _pod_of(destination: Destination) -> tuple[str | None, Mapping[str, str]]:
    """The pod behind a destination; DNS is one as well, behind its Service."""
    if destination.target is Target.DNS:
        return "kube-system", _DNS
    return destination.namespace, destination.labels or {}


def _holds(peer: AddressesPeer, address: IPv4Address) -> bool:
    def within(network: str) -> bool:
        parsed = ip_network(network)
        return isinstance(parsed, IPv4Network) and address in parsed

    return within(peer.network) and not any(within(network) for network in peer.excluded)
