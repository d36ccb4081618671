"""The VPC of a GKE cluster: private nodes that reach the internet through NAT and are reached by nobody."""

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

NODES_RANGE = "10.0.0.0/20"
"""4,096 addresses for nodes and internal load balancers."""
PODS_RANGE = "10.4.0.0/14"
"""GKE reserves a /24 for each node: room for 1,024 nodes."""
SERVICES_RANGE = "10.8.0.0/20"
"""4,096 Services."""
PROXIES_RANGE = "10.9.0.0/23"
"""512 addresses for the proxies of regional load balancers, as Google recommends."""
PODS_RANGE_NAME = "pods"
SERVICES_RANGE_NAME = "services"


@dataclass(frozen=True)
class ClusterNetworkArgs:
    """Where the network is; `name` is the cluster's, and `proxies` says whether regional load balancers are made."""

    name: str
    project: str
    region: str
    proxies: bool = False


class ClusterNetwork(pulumi.ComponentResource):
    """A VPC with one subnet, secondary ranges for pods and Services, and NAT for what nodes fetch.

    Attributes:
        network: The VPC.
        subnetwork: The subnet, whose secondary ranges are called `pods` and `services`.
        nat: What outgoing connections of private nodes need.
    """

    network: "gcp.compute.Network"
    subnetwork: "gcp.compute.Subnetwork"
    nat: "gcp.compute.RouterNat"

    def __init__(self, name: str, args: ClusterNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:cluster:ClusterNetwork", name, None, opts)
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)
        self.network = self._network(args)
        self.subnetwork = self._subnetwork(args)
        self.nat = self._nat(args)
        if args.proxies:
            self._proxies(args)
        self.register_outputs({})

    def _network(self, args: ClusterNetworkArgs) -> "gcp.compute.Network":
        return gcp.compute.Network(
            f"{self._name}-vpc",
            name=args.name,
            project=args.project,
            auto_create_subnetworks=False,
            opts=self._child,
        )

    def _subnetwork(self, args: ClusterNetworkArgs) -> "gcp.compute.Subnetwork":
        return gcp.compute.Subnetwork(
            f"{self._name}-nodes",
            name=f"{args.name}-nodes",
            project=args.project,
            region=args.region,
            network=self.network.id,
            ip_cidr_range=NODES_RANGE,
            secondary_ip_ranges=[
                {"range_name": PODS_RANGE_NAME, "ip_cidr_range": PODS_RANGE},
                {"range_name": SERVICES_RANGE_NAME, "ip_cidr_range": SERVICES_RANGE},
            ],
            private_ip_google_access=True,
            log_config={"aggregation_interval": "INTERVAL_10_MIN", "flow_sampling": 0.5},
            opts=self._child,
        )

    def _proxies(self, args: ClusterNetworkArgs) -> None:
        """A regional load balancer of the Gateway API cannot be made without such a subnet in its VPC."""
        gcp.compute.Subnetwork(
            f"{self._name}-proxies",
            name=f"{args.name}-proxies",
            project=args.project,
            region=args.region,
            network=self.network.id,
            ip_cidr_range=PROXIES_RANGE,
            purpose="REGIONAL_MANAGED_PROXY",
            role="ACTIVE",
            opts=self._child,
        )

    def _nat(self, args: ClusterNetworkArgs) -> "gcp.compute.RouterNat":
        router = gcp.compute.Router(
            f"{self._name}-router",
            name=args.name,
            project=args.project,
            region=args.region,
            network=self.network.id,
            opts=self._child,
        )
        return gcp.compute.RouterNat(
            f"{self._name}-nat",
            name=args.name,
            project=args.project,
            region=args.region,
            router=router.name,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=self._child,
        )
