"""A NetworkPolicy as Kubernetes spells it, compared with the one that the blueprint means.

The blueprint does not know every address: those of the API server and of managed services are told by the cluster and
the cloud. Where it names one of them, any single address will do, and no network of more than one.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from infra.blueprint.network import (
    AddressesPeer,
    ApiServerPeer,
    EveryPodPeer,
    ManagedServicePeer,
    NetworkPeer,
    NetworkPolicyPart,
    NetworkRulePart,
    PodsPeer,
)
from infra.values import listed, mapping, plain

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Set on every namespace by the API server."""


def differences(spec: Mapping[str, Any], part: NetworkPolicyPart) -> list[str]:
    """The keys, sorted, under which a policy's `spec` says anything else than the blueprint."""
    known = {"egress", "ingress", "podSelector", "policyTypes"}
    same = {
        "egress": _same_rules(spec.get("egress"), part.egress, "to"),
        "ingress": _same_rules(spec.get("ingress"), part.ingress, "from"),
        "podSelector": plain(spec.get("podSelector")) == _selector(part.pods),
        "policyTypes": set(listed(spec.get("policyTypes"))) == _directions(part),
    }
    return sorted({key for key, holds in same.items() if not holds} | (set(spec) - known))


def _selector(labels: Mapping[str, str]) -> Mapping[str, Any]:
    return {"matchLabels": dict(labels)} if labels else {}


def _directions(part: NetworkPolicyPart) -> set[str]:
    return {name for name, rules in (("Ingress", part.ingress), ("Egress", part.egress)) if rules is not None}


def _same_rules(found: Any, wanted: tuple[NetworkRulePart, ...] | None, side: str) -> bool:
    rules = list(map(mapping, listed(found)))
    parts = wanted or ()
    return len(rules) == len(parts) and all(_same_rule(*pair, side) for pair in zip(rules, parts, strict=True))


def _same_rule(found: Mapping[str, Any], wanted: NetworkRulePart, side: str) -> bool:
    ports = [{"protocol": str(port.protocol), "port": port.number} for port in wanted.ports]
    if set(found) - {side, "ports"} or plain(listed(found.get("ports"))) != ports:
        return False
    others = found.get(side)
    if wanted.peers is None:
        return not others
    if isinstance(others, str):
        # What a caller has for a value that is not known yet; Kubernetes takes no text there.
        return any(map(_is_known_later, wanted.peers))
    return _same_peers(list(map(mapping, listed(others))), wanted.peers)


def _is_known_later(peer: NetworkPeer) -> bool:
    return isinstance(peer, ApiServerPeer | ManagedServicePeer) or (isinstance(peer, AddressesPeer) and _told(peer) > 0)


def _told(peer: AddressesPeer) -> int:
    """How many are left out whose addresses are told only later: the API server, which may have several, as one."""
    return peer.without_api_server + len(peer.without_services)


def _same_peers(found: Sequence[Mapping[str, Any]], wanted: Sequence[NetworkPeer]) -> bool:
    """Whether each peer that is found is meant, and each that is meant is found."""
    all_found = all(any(_is(one, peer) for one in found) for peer in wanted)
    return all_found and all(any(_is(one, peer) for peer in wanted) for one in found)


def _is(found: Mapping[str, Any], peer: NetworkPeer) -> bool:
    match peer:
        case PodsPeer():
            return plain(found) == _pods(peer)
        case EveryPodPeer():
            return plain(found) == {"namespaceSelector": {}}
        case AddressesPeer():
            return set(found) == {"ipBlock"} and _is_block(mapping(found["ipBlock"]), peer)
        case ApiServerPeer() | ManagedServicePeer():
            block = mapping(found.get("ipBlock"))
            return set(found) == {"ipBlock"} and not listed(block.get("except")) and _is_one_address(block.get("cidr"))
        case _:
            assert_never(peer)


def _pods(peer: PodsPeer) -> Mapping[str, Any]:
    lacking = [{"key": key, "operator": "NotIn", "values": [value]} for key, value in sorted(peer.lacking.items())]
    selector = {**_selector(peer.labels), **({"matchExpressions": lacking} if lacking else {})}
    return {"namespaceSelector": _selector({NAMESPACE_LABEL: peer.namespace})} | (
        {"podSelector": selector} if selector else {}
    )


def _is_block(found: Mapping[str, Any], peer: AddressesPeer) -> bool:
    """Beyond what is always left out there are single addresses, as many as others are left out or more; else nothing.

    They are counted and not matched, since nothing here says whose an address is, and the API server may have several:
    a second one of its own passes for the database's, and a stranger's address for anybody's.
    """
    left_out = set(map(str, listed(found.get("except"))))
    more = left_out - set(peer.excluded)
    told = _told(peer)
    as_meant = len(more) >= told and all(map(_is_one_address, more)) if told else not more
    return found.get("cidr") == peer.network and set(peer.excluded) <= left_out and as_meant


def _is_one_address(network: Any) -> bool:
    try:
        return ipaddress.ip_network(str(network)).num_addresses == 1
    except ValueError:
        return False
