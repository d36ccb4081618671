"""Redis for the gateway's counters, wherever it runs."""

from typing import Any

from components.cache import (
    ExternalCache,
    ExternalCacheArgs,
    InClusterCache,
    InClusterCacheArgs,
    MemorystoreCache,
    MemorystoreCacheArgs,
)
from components.cache.in_cluster import redis_configuration
from components.database import PrivateServices, PrivateServicesArgs
from infra.blueprint.model import InClusterCachePart, MemorystoreCachePart
from tests.unit.components.recording import Recording, record, strings

OUTPUTS = {
    "gcp:redis/instance:Instance": {
        "host": "10.1.2.3",
        "port": 6378,
        "authString": "sentinel-password",
        "serverCaCerts": [{"cert": "PEM"}],
    }
}


def in_cluster() -> Recording:
    def program() -> Any:
        part = InClusterCachePart("registry.example.com/redis:7.0")
        connection = InClusterCache("cache", InClusterCacheArgs(part, "gateway")).connection
        return {"url": connection.url, "secret": connection.url.is_secret()}

    return record(program)


def memorystore() -> Recording:
    def program() -> Any:
        access = PrivateServices("services", PrivateServicesArgs("p", "network"))
        connection = MemorystoreCache(
            "cache", MemorystoreCacheArgs(MemorystoreCachePart(1, True), "p", "r", "network", access.connection)
        ).connection
        return {
            "url": connection.url,
            "secret": connection.url.is_secret(),
            "authority": connection.certificate_authority,
        }

    return record(program, OUTPUTS)


def test_in_cluster_the_password_is_generated_and_shown_nowhere() -> None:
    recording = in_cluster()
    shown = " ".join(text for resource in recording.resources for text in strings(resource.inputs))

    assert recording.returned == {
        "url": "redis://:generated-cache-password@cache.gateway.svc.cluster.local:6379",
        "secret": True,
    }
    assert "generated-cache-password" not in shown


def test_in_cluster_the_password_is_read_from_a_file_and_never_an_argument() -> None:
    (container,) = in_cluster().one("Deployment").inputs["spec"]["template"]["spec"]["containers"]

    assert container["command"] == ["redis-server", "/etc/bulkhead/redis/redis.conf"]
    assert "requirepass secret" in redis_configuration("secret")


def test_a_counter_is_never_thrown_out_to_make_room() -> None:
    assert "maxmemory-policy noeviction" in redis_configuration("secret")
    assert memorystore().one("Instance").inputs["redisConfigs"] == {"maxmemory-policy": "noeviction"}


def test_what_redis_holds_outlives_its_process() -> None:
    spec = in_cluster().one("Deployment").inputs["spec"]["template"]["spec"]
    (mount,) = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == "data"]

    assert "appendonly yes" in redis_configuration("secret")
    assert f"dir {mount['mountPath']}" in redis_configuration("secret")
    assert {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume} >= {"data"}


def test_two_servers_never_count_side_by_side() -> None:
    assert in_cluster().one("Deployment").inputs["spec"]["strategy"] == {"type": "Recreate"}


def test_memorystore_asks_for_a_password_over_tls_on_a_private_address() -> None:
    recording = memorystore()
    instance = recording.one("Instance").inputs

    assert instance["authEnabled"] is True
    assert instance["transitEncryptionMode"] == "SERVER_AUTHENTICATION"
    assert instance["connectMode"] == "PRIVATE_SERVICE_ACCESS"
    assert recording.returned == {
        "url": "rediss://:sentinel-password@10.1.2.3:6378?ssl_ca_certs=/etc/bulkhead/cache/ca.pem",
        "secret": True,
        "authority": "PEM",
    }


def test_an_external_url_becomes_secret() -> None:
    def program() -> Any:
        connection = ExternalCache("cache", ExternalCacheArgs("redis://:p@host")).connection
        return {"url": connection.url, "secret": connection.url.is_secret()}

    assert record(program).returned == {"url": "redis://:p@host", "secret": True}
