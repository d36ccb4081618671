"""A cluster that exists: nothing is made, and nothing unknown identifies it."""

from components.cluster import existing_cluster_connection
from infra.blueprint.model import ExistingClusterPart


def test_the_connection_goes_through_the_users_own_context() -> None:
    connection = existing_cluster_connection(ExistingClusterPart("production"))

    assert connection.context == "production"
    assert connection.kubeconfig is None


def test_clusters_are_told_apart_by_their_context() -> None:
    one, other = (existing_cluster_connection(ExistingClusterPart(name)) for name in ("one", "other"))

    assert one.identifier != other.identifier
