"""Who the nodes are towards Google Cloud."""

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

NODE_ROLES = (
    "roles/artifactregistry.reader",
    "roles/container.defaultNodeServiceAccount",
)
"""Pull images; write logs and metrics. Source: GKE's hardening guide, "use least privilege service accounts". The
project's default account, which nodes take otherwise, may edit everything in the project."""
ACCOUNT_ID_MAX_LENGTH = 30


@dataclass(frozen=True)
class NodeIdentityArgs:
    """Where the account lives; `cluster` names it."""

    cluster: str
    project: str


class NodeIdentity(pulumi.ComponentResource):
    """A service account for nodes with the roles that they need and no other.

    Attributes:
        account: The service account.
        roles: Its grants; nodes that start before them cannot pull images or write logs.
    """

    account: "gcp.serviceaccount.Account"
    roles: "tuple[gcp.projects.IAMMember, ...]"

    def __init__(self, name: str, args: NodeIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:cluster:NodeIdentity", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.account = gcp.serviceaccount.Account(
            f"{name}-account",
            account_id=_account_id(args.cluster),
            project=args.project,
            display_name=f"Nodes of the GKE cluster {args.cluster}",
            opts=child,
        )
        member = self.account.email.apply(lambda email: f"serviceAccount:{email}")
        self.roles = tuple(
            gcp.projects.IAMMember(
                f"{name}-{role.removeprefix('roles/')}", project=args.project, role=role, member=member, opts=child
            )
            for role in NODE_ROLES
        )
        self.register_outputs({})


def _account_id(cluster: str) -> str:
    """Google allows 6 to 30 characters; `-nodes` makes a short name long enough."""
    suffix = "-nodes"
    return cluster[: ACCOUNT_ID_MAX_LENGTH - len(suffix)].rstrip("-") + suffix
