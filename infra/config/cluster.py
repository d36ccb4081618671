"""`bulkhead:cluster`: the Kubernetes cluster that the platform runs on."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from infra.config import forms
from infra.config.base import Name, Network, StackFilePart

Zone = Annotated[str, StringConstraints(pattern=forms.ZONE.pattern)]
"""A zone of Google Cloud, as europe-west4-a."""


class ReleaseChannel(StrEnum):
    """GKE's release channels that a platform should follow."""

    REGULAR = "regular"
    STABLE = "stable"
    RAPID = "rapid"


class ExistingCluster(StackFilePart):
    """A cluster that exists already and is reached through a kubeconfig context."""

    kind: Literal["existing"]
    """`existing`: the cluster is not created."""
    context: str = Field(pattern=forms.WORDS.pattern, max_length=253, examples=["dev"])
    """The kubeconfig context that reaches the cluster; it may be renamed, as `name` says which cluster it is."""
    name: Name | None = Field(default=None, examples=["team-cluster"])
    """Which cluster this is; the stack's name unless said.

    Another name means another cluster: everything is made anew there.
    """
    enforces_network_policy: bool = False
    """Whether the cluster's dataplane enforces NetworkPolicy.

    Without it, policies are stored and ignored, so controls that rest on them are refused.
    """


class AuthorizedNetwork(StackFilePart):
    """A network that may reach the control plane."""

    name: str = Field(pattern=forms.WORDS.pattern, max_length=63, examples=["office"])
    """What the network is, for those who review the list."""
    cidr: Network = Field(examples=["203.0.113.0/24"])
    """The network, as 203.0.113.0/24."""


class GkeCluster(StackFilePart):
    """A private GKE cluster that this stack creates, with Dataplane V2, which enforces NetworkPolicy."""

    kind: Literal["gke"]
    """`gke`: the cluster is created."""
    project: str = Field(pattern=forms.PROJECT_ID.pattern, examples=["example-llm-platform"])
    """The Google Cloud project's id."""
    location: str = Field(pattern=forms.LOCATION.pattern, examples=["europe-west4"])
    """A region (a regional control plane) or a zone."""
    name: Name = "bulkhead"
    """The cluster's name, unique in its project and location."""
    release_channel: ReleaseChannel = ReleaseChannel.REGULAR
    """The channel that decides the cluster's version."""
    node_zones: tuple[Zone, ...] = Field(default=(), examples=[["europe-west4-a"]])
    """Zones for the nodes; empty: the location's own. GPU types are not offered in every zone."""
    authorized_networks: tuple[AuthorizedNetwork, ...] = Field(
        default=(), examples=[[{"name": "office", "cidr": "203.0.113.0/24"}]]
    )
    """Networks that may reach the control plane; empty: only the DNS endpoint, guarded by IAM."""
    deletion_protection: bool = True
    """Whether the provider refuses to delete the cluster."""

    @property
    def enforces_network_policy(self) -> bool:
        """Dataplane V2 enforces NetworkPolicy, and the cluster is always created with it."""
        return True


Cluster = Annotated[ExistingCluster | GkeCluster, Field(discriminator="kind")]
