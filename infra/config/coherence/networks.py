"""Networks that the gateway may reach or that may reach the control plane: real ones, and no larger than somebody's."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from infra.config.cluster import GkeCluster
from infra.config.draft import Draft, at
from infra.config.gateway import ExternalCache, ExternalDatabase, Gateway
from infra.config.paths import Location
from infra.config.problem import Problem

SHORTEST_PREFIX = 8
"""Bits. The largest blocks that IANA allots have eight; what is wider is no one's, and two halves are the internet."""

SPECIAL = {
    "169.254.0.0/16": "link-local, where clouds' metadata servers hand out the nodes' credentials",
    "127.0.0.0/8": "a pod's own loopback",
    "0.0.0.0/8": "nobody's address",
    "224.0.0.0/3": "for multicast or reserved",
}
"""Networks with no host of anybody's (IANA's IPv4 special-purpose registry, RFC 6890) → what they are."""


@dataclass(frozen=True)
class _Listed:
    """One network as written.

    Attributes:
        where: Its location.
        text: The network.
        open_to: What follows if it is wider than meant.
    """

    where: Location
    text: str
    open_to: str


def check_networks(draft: Draft) -> Iterator[Problem]:
    """Networks that are none, that hold the whole internet or the half of it, or the cloud's metadata servers."""
    for listed in _listed(draft):
        yield from _problems(listed)


def _listed(draft: Draft) -> Iterator[_Listed]:
    if isinstance(draft.cluster, GkeCluster):
        for index, authorized in enumerate(draft.cluster.authorized_networks):
            where = at("cluster", "authorized_networks", index, "cidr")
            yield _Listed(where, authorized.cidr, "anybody there could try the control plane")
    if draft.gateway is not None:
        for where, networks in networks_of_gateway(draft.gateway):
            for index, text in enumerate(networks):
                yield _Listed((*where, index), text, "a prompt or a key could be carried out of the gateway to there")


def networks_of_gateway(gateway: Gateway) -> Iterator[tuple[Location, tuple[str, ...]]]:
    """Where each list of networks stands that the gateway may reach beyond the cluster, and the list."""
    if isinstance(gateway.database, ExternalDatabase):
        yield at("gateway", "database", "networks"), gateway.database.networks
    if isinstance(gateway.cache, ExternalCache):
        yield at("gateway", "cache", "networks"), gateway.cache.networks
    for index, provider in enumerate(gateway.external_providers):
        yield at("gateway", "external_providers", index, "networks"), provider.networks


def _problems(listed: _Listed) -> Iterator[Problem]:
    try:
        network = ipaddress.IPv4Network(listed.text, strict=False)
    except ValueError:
        yield Problem(
            listed.where,
            "this is not an IPv4 network: each number is at most 255, and the length at most 32",
            "the cluster refuses it",
            "a network as 203.0.113.0/24, or a single address as 203.0.113.7/32",
        )
        return
    if listed.text != str(network):
        address = listed.text.partition("/")[0]
        yield Problem(
            listed.where,
            f"a network of length {network.prefixlen} does not begin at this address",
            "one could read it as the single address or as the whole network",
            f"{network} for the network, or {address}/32 for the single address",
        )
    elif network.prefixlen < SHORTEST_PREFIX:
        size = "the whole internet" if network.prefixlen == 0 else f"{2 ** (32 - network.prefixlen):,} addresses"
        yield Problem(
            listed.where,
            f"this is {size}, and nobody has more than a /{SHORTEST_PREFIX}",
            listed.open_to,
            "the networks that are needed, as 203.0.113.0/24",
        )
    else:
        yield from _special(listed, network)


def _special(listed: _Listed, network: ipaddress.IPv4Network) -> Iterator[Problem]:
    for special, meaning in SPECIAL.items():
        if network.overlaps(ipaddress.IPv4Network(special)):
            yield Problem(
                listed.where,
                f"the network is {meaning}",
                "nothing that is meant lies there, and what does must not be reached",
                "the networks of the service itself, as 203.0.113.0/24",
            )
