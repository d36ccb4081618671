"""A private GKE cluster with Dataplane V2."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_gcp as gcp

from components.cluster.connection import ClusterConnection
from components.cluster.identity import NodeIdentity, NodeIdentityArgs
from components.cluster.kubeconfig import gke_kubeconfig
from components.cluster.network import PODS_RANGE_NAME, SERVICES_RANGE_NAME, ClusterNetwork, ClusterNetworkArgs
from infra.blueprint.model import GkeClusterPart

if TYPE_CHECKING:
    from pulumi_gcp.container import ClusterMasterAuthorizedNetworksConfigArgsDict


@dataclass(frozen=True)
class GkeClusterArgs:
    """The cluster to create."""

    part: GkeClusterPart


class GkeCluster(pulumi.ComponentResource):
    """A private, VPC-native cluster: its network, its nodes' identity and the control plane; node pools come apart.

    Private nodes; a control plane reached by its DNS endpoint, which IAM guards, and by address only from authorized
    networks; Dataplane V2, since a NetworkPolicy binds nobody without a dataplane that enforces it and a cluster's
    cannot be changed later; Workload Identity; shielded nodes; no client certificate, no legacy authorization, no role
    bindings for anybody who is merely authenticated.

    Attributes:
        cluster: The control plane.
        network: The VPC's id, for managed services with private addresses.
        node_account: The e-mail address of the nodes' service account.
        region: The region of the network, also where `location` is a zone.
    """

    cluster: "gcp.container.Cluster"
    network: pulumi.Output[str]
    node_account: pulumi.Output[str]
    region: str

    def __init__(self, name: str, args: GkeClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:cluster:GkeCluster", name, None, opts)
        part = args.part
        self._part = part
        self.region = region_of(part.location)
        child = pulumi.ResourceOptions(parent=self)
        network_args = ClusterNetworkArgs(part.name, part.project, self.region, proxies=part.gateway_api)
        network = ClusterNetwork(f"{name}-network", network_args, child)
        identity = NodeIdentity(f"{name}-nodes", NodeIdentityArgs(part.name, part.project), child)
        self.network = network.network.id
        self.node_account = identity.account.email
        self.cluster = self._cluster(name, network, identity)
        self.register_outputs({})

    @property
    def connection(self) -> ClusterConnection:
        """How the Kubernetes provider reaches the cluster."""
        part = self._part
        identifier = f"gke/{part.project}/{part.location}/{part.name}"
        endpoint = self.cluster.control_plane_endpoints_config.dns_endpoint_config.endpoint
        kubeconfig = endpoint.apply(lambda host: gke_kubeconfig(part.name, host))
        return ClusterConnection(identifier=identifier, context=None, kubeconfig=kubeconfig)

    def _cluster(self, name: str, network: ClusterNetwork, identity: NodeIdentity) -> "gcp.container.Cluster":
        part = self._part
        return gcp.container.Cluster(
            f"{name}-control-plane",
            name=part.name,
            project=part.project,
            location=part.location,
            node_locations=list(part.node_zones) or None,
            deletion_protection=part.deletion_protection,
            resource_labels={"managed-by": "bulkhead"},
            release_channel={"channel": part.release_channel},
            # Pools are resources of their own, so that one can be replaced without the cluster.
            remove_default_node_pool=True,
            initial_node_count=1,
            # The default pool lives for minutes; without this it would run as the project's default account.
            node_config={"service_account": identity.account.email},
            node_pool_defaults={"node_config_defaults": {"insecure_kubelet_readonly_port_enabled": "FALSE"}},
            network=network.network.id,
            subnetwork=network.subnetwork.id,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy={
                "cluster_secondary_range_name": PODS_RANGE_NAME,
                "services_secondary_range_name": SERVICES_RANGE_NAME,
            },
            datapath_provider="ADVANCED_DATAPATH",
            private_cluster_config={"enable_private_nodes": True},
            control_plane_endpoints_config={
                "dns_endpoint_config": {"allow_external_traffic": True},
                "ip_endpoints_config": {"enabled": bool(part.authorized_networks)},
            },
            master_authorized_networks_config=_authorized_networks(part),
            master_auth={"client_certificate_config": {"issue_client_certificate": False}},
            enable_legacy_abac=False,
            rbac_binding_config={
                "enable_insecure_binding_system_authenticated": False,
                "enable_insecure_binding_system_unauthenticated": False,
            },
            anonymous_authentication_config={"mode": "LIMITED"},
            workload_identity_config={"workload_pool": f"{part.project}.svc.id.goog"},
            enable_shielded_nodes=True,
            gateway_api_config={"channel": "CHANNEL_STANDARD"} if part.gateway_api else None,
            cost_management_config={"enabled": True},
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=part.deletion_protection,
                depends_on=[*identity.roles, network.nat],
                # Google answers with the first remaining pool's settings once the default pool is gone.
                ignore_changes=["nodeConfig"],
            ),
        )


def region_of(location: str) -> str:
    """The region of a region or zone: `europe-west4-a` lies in `europe-west4`."""
    return "-".join(location.split("-")[:2])


def _authorized_networks(part: GkeClusterPart) -> "ClusterMasterAuthorizedNetworksConfigArgsDict | None":
    if not part.authorized_networks:
        return None
    return {
        "gcp_public_cidrs_access_enabled": False,
        "cidr_blocks": [{"display_name": name, "cidr_block": cidr} for name, cidr in part.authorized_networks],
    }
