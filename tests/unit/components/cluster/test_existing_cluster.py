"""A cluster that exists: nothing is made, and nothing unknown identifies it."""

from components.cluster import existing_cluster_connection
from infra.blueprint.model import ExistingClusterPart


def test_the_connection_goes_through_the_users_own_context() -> None:
    connection = existing_cluster_connection(ExistingClusterPart("main", "production"))

    assert connection.context == "production"
    assert connection.kubeconfig is None


def test_clusters_are_told_apart_by_their_name() -> None:
    one, other = (existing_cluster_connection(ExistingClusterPart(name, "context")) for name in ("one", "other"))

    assert one.identifier != other.identifier


def test_a_renamed_context_reaches_the_same_cluster() -> None:
    before, after = (existing_cluster_connection(ExistingClusterPart("main", context)) for context in ("old", "new"))

    assert before.identifier == after.identifier
    assert before.context != after.context
