"""A cluster that somebody else made; nothing is registered for it."""

from components.cluster.connection import ClusterConnection
from infra.blueprint.model import ExistingClusterPart


def existing_cluster_connection(part: ExistingClusterPart) -> ClusterConnection:
    """The connection through the user's kubeconfig context.

    The context is no part of the identifier: people rename contexts, and everything in the cluster would be replaced.
    """
    return ClusterConnection(identifier=f"existing/{part.name}", context=part.context, kubeconfig=None)
