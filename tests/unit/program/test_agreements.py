"""What two rooms state that may not know each other: configuration judges by it, components make it so."""

from components.cache import memorystore
from components.database import cloud_sql, in_cluster
from components.gateway import configuration
from infra.config import gateway
from infra.pins import POSTGRES_IMAGE, REDIS_IMAGE


def test_connections_are_judged_by_what_the_gateway_pools_and_the_database_takes() -> None:
    assert configuration.CONNECTIONS_PER_REPLICA == gateway.CONNECTIONS_PER_REPLICA
    assert f"max_connections={gateway.IN_CLUSTER_CONNECTIONS}" in in_cluster.SETTINGS


def test_managed_services_have_the_versions_of_the_images() -> None:
    major = POSTGRES_IMAGE.tag.split(".")[0]
    redis_major, redis_minor, _ = REDIS_IMAGE.tag.split(".")

    assert f"POSTGRES_{major}" == cloud_sql.VERSION
    assert f"REDIS_{redis_major}_{redis_minor}" == memorystore.VERSION
