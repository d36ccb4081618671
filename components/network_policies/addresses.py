"""Addresses that only a running cluster or a finished service knows."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as kubernetes

SLICE_ID = "default/kubernetes"
"""Where API servers list their own addresses (Kubernetes' documentation on EndpointSlices)."""


def api_server_networks(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[list[str]]:
    """The API server's own addresses as networks of one address each, sorted; read at every update.

    Args:
        name: The name under which the read object stands in the stack.
        opts: The provider that reaches the cluster.
    """
    found = kubernetes.discovery.v1.EndpointSlice.get(name, SLICE_ID, opts)
    return found.endpoints.apply(networks_of)


def networks_of(endpoints: Sequence[Any]) -> list[str]:
    """The addresses of an EndpointSlice's endpoints as networks.

    Raises:
        ValueError: there is none: the API server would be closed to those who cannot do without it.
    """
    addresses = {address for endpoint in endpoints for address in _addresses(endpoint)}
    if not addresses:
        raise ValueError(f"the EndpointSlice {SLICE_ID} lists no address of an API server")
    return sorted(network_of(address) for address in addresses)


def _addresses(endpoint: Any) -> Sequence[str]:
    return endpoint["addresses"] if isinstance(endpoint, Mapping) else endpoint.addresses  # pyright: ignore[reportUnknownVariableType]


def network_of(address: str) -> str:
    """An address as the network of it alone.

    Raises:
        ValueError: it is no address, as a host name, which no NetworkPolicy can name.
    """
    return str(ipaddress.ip_network(address))


def service_network(url: pulumi.Output[str]) -> pulumi.Output[str]:
    """The address in a managed service's URL, as a network; no secret, though the URL with its password is one."""
    return pulumi.Output.unsecret(url.apply(lambda known: network_of(urlsplit(known).hostname or "")))
