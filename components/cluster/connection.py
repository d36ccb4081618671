"""How Pulumi's Kubernetes provider reaches a cluster."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class ClusterConnection:
    """What the Kubernetes provider is made from.

    Attributes:
        identifier: Names the cluster by what is known before anything exists. The provider, and with it everything in
            the cluster, is replaced when this changes and only then; an unknown kubeconfig would plan exactly that.
        context: The kubeconfig context to use; None: the kubeconfig's own.
        kubeconfig: The kubeconfig; None: the user's (`$KUBECONFIG`, else `~/.kube/config`).
    """

    identifier: str
    context: str | None
    kubeconfig: pulumi.Output[str] | None
