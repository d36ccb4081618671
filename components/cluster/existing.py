"""A cluster that somebody else made; nothing is registered for it."""

from components.cluster.connection import ClusterConnection
from infra.blueprint.model import ExistingClusterPart


def existing_cluster_connection(part: ExistingClusterPart) -> ClusterConnection:
    """The connection through the user's kubeconfig context."""
    return ClusterConnection(identifier=f"context/{part.context}", context=part.context, kubeconfig=None)
