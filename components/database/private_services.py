"""The way from a VPC to Google's managed services, without a public address."""

from dataclasses import dataclass

import pulumi

PREFIX_LENGTH = 20
"""4,096 addresses: room for every managed database and cache of one network."""


@dataclass(frozen=True)
class PrivateServicesArgs:
    """The network to connect, by its self link or id, and its project."""

    project: str
    network: pulumi.Input[str]


class PrivateServices(pulumi.ComponentResource):
    """Private services access: one for each network, shared by Cloud SQL and Memorystore.

    Attributes:
        connection: What managed services have to wait for.
    """

    connection: pulumi.Resource

    def __init__(self, name: str, args: PrivateServicesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        from pulumi_gcp import compute, servicenetworking  # noqa: PLC0415 - only stacks on GKE load it

        super().__init__("bulkhead:database:PrivateServices", name, None, opts)
        addresses = compute.GlobalAddress(
            f"{name}-addresses",
            project=args.project,
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            prefix_length=PREFIX_LENGTH,
            network=args.network,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.connection = servicenetworking.Connection(
            f"{name}-connection",
            network=args.network,
            service="servicenetworking.googleapis.com",
            reserved_peering_ranges=[addresses.name],
            # Google refuses to take a peering down for days after the last service on it is gone.
            deletion_policy="ABANDON",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
