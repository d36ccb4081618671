"""Network policies, and tenants' namespaces and roles."""

from collections.abc import Iterable, Mapping

import pulumi

from components.cache import CacheConnection
from components.database import DatabaseConnection
from components.network_policies import (
    Addresses,
    NetworkPolicies,
    NetworkPoliciesArgs,
    api_server_networks,
    service_network,
)
from components.tenant_space import SharedAccess, SharedAccessArgs, TenantSpace, TenantSpaceArgs
from infra.blueprint.model import Blueprint
from infra.blueprint.network import AddressesPeer, ApiServerPeer, ManagedService, ManagedServicePeer, NetworkPolicyPart
from infra.program.options import InCluster

Resources = tuple[pulumi.Resource, ...]
ApiServer = pulumi.Output[list[str]] | None
"""The API server's own addresses, where a policy names them."""


def read_api_server(blueprint: Blueprint, in_cluster: InCluster, after: Resources) -> ApiServer:
    """Ask the cluster for the API server's addresses, where a policy names them or leaves them out."""
    if not any(_names_api_server(part) for part in blueprint.network_policies):
        return None
    return api_server_networks("api-server", in_cluster.options(after))


def create_network_policies(
    blueprint: Blueprint, api_server: ApiServer, in_cluster: InCluster, after: Resources
) -> Resources:
    """Register the policies of the platform's namespaces, as far as no managed service has to be there first."""
    parts = tuple(part for part in blueprint.network_policies if not _services(part))
    if not parts:
        return ()
    args = NetworkPoliciesArgs(parts, Addresses(api_server))
    return (NetworkPolicies("network-policies", args, in_cluster.options(after)),)


def create_managed_service_policies(
    blueprint: Blueprint,
    connections: tuple[DatabaseConnection, CacheConnection | None],
    api_server: ApiServer,
    in_cluster: InCluster,
    after: Resources,
) -> Resources:
    """Register what opens the way to managed services, or any but theirs: they are known once they have been made."""
    parts = tuple(part for part in blueprint.network_policies if _services(part))
    if not parts:
        return ()
    database, cache = connections
    urls = {ManagedService.DATABASE: database.url, **({ManagedService.CACHE: cache.url} if cache else {})}
    named = {service for part in parts for service in _services(part)}
    services = {service: service_network(urls[service]) for service in sorted(named)}
    args = NetworkPoliciesArgs(parts, Addresses(api_server, services))
    return (NetworkPolicies("managed-service-policies", args, in_cluster.options(after)),)


def create_tenant_spaces(blueprint: Blueprint, in_cluster: InCluster) -> Mapping[str, pulumi.Resource]:
    """Register tenants' own namespaces and what holds in them.

    Args:
        blueprint: The platform.
        in_cluster: Where they live, by a provider that takes up what is there already.

    Returns:
        Namespace → its resource.
    """
    return {
        part.namespace.name: TenantSpace(
            f"tenant-space-{part.tenant}", TenantSpaceArgs(part), in_cluster.options()
        ).namespace
        for part in blueprint.tenant_spaces
    }


def create_shared_access(blueprint: Blueprint, in_cluster: InCluster, after: Resources) -> None:
    """Register what tenants' subjects may do in the namespace that they share, if any."""
    if blueprint.shared_access is not None:
        SharedAccess("shared-access", SharedAccessArgs(blueprint.shared_access), in_cluster.options(after))


def _peers(part: NetworkPolicyPart) -> Iterable[object]:
    return (peer for rule in (*(part.ingress or ()), *(part.egress or ())) for peer in rule.peers or ())


def _services(part: NetworkPolicyPart) -> set[ManagedService]:
    """The managed services whose addresses a policy names or leaves out."""
    found: set[ManagedService] = set()
    for peer in _peers(part):
        match peer:
            case ManagedServicePeer(service=service):
                found.add(service)
            case AddressesPeer(without_services=services):
                found.update(services)
            case _:
                pass
    return found


def _names_api_server(part: NetworkPolicyPart) -> bool:
    return any(
        isinstance(peer, ApiServerPeer) or (isinstance(peer, AddressesPeer) and peer.without_api_server)
        for peer in _peers(part)
    )
