"""Native NetworkPolicies from a blueprint's parts."""

from components.network_policies.addresses import api_server_networks, service_network
from components.network_policies.network_policies import NetworkPolicies, NetworkPoliciesArgs, network_policy
from components.network_policies.rules import Addresses

__all__ = [
    "Addresses",
    "NetworkPolicies",
    "NetworkPoliciesArgs",
    "api_server_networks",
    "network_policy",
    "service_network",
]
