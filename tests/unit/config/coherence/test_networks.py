"""Networks: real ones, written as they begin, and none that is everybody's or the cloud's own."""

from typing import Any

import pytest

from tests.unit.config.documents import only_fault, sound

GKE = {"kind": "gke", "project": "example-llm-platform", "location": "europe-west4"}
EXTERNAL = {"kind": "external"}
URL = {"secure": "ciphertext"}


def provider(network: str) -> dict[str, Any]:
    return {"gateway.external_providers": [{"name": "example-ai", "networks": [network]}]}


def office(network: str) -> dict[str, Any]:
    return {"cluster": {**GKE, "authorized_networks": [{"name": "office", "cidr": network}]}}


def database(network: str) -> dict[str, Any]:
    return {"gateway.database": {**EXTERNAL, "networks": [network]}, "database_url": URL}


def cache(network: str) -> dict[str, Any]:
    return {"gateway.cache": {**EXTERNAL, "networks": [network]}, "cache_url": URL}


LISTS = [
    (provider, "bulkhead:gateway.external_providers[0].networks[0]"),
    (office, "bulkhead:cluster.authorized_networks[0].cidr"),
    (database, "bulkhead:gateway.database.networks[0]"),
    (cache, "bulkhead:gateway.cache.networks[0]"),
]


@pytest.mark.parametrize(("listed", "path"), LISTS)
@pytest.mark.parametrize(
    ("network", "wrong"),
    [
        ("0.0.0.0/0", "the whole internet"),
        ("0.0.0.0/1", "2,147,483,648 addresses"),
        ("128.0.0.0/1", "2,147,483,648 addresses"),
        ("203.0.113.7/24", "does not begin at this address"),
        ("300.0.0.0/8", "not an IPv4 network"),
        ("10.0.0.0/33", "not an IPv4 network"),
        ("169.254.169.254/32", "metadata servers"),
        ("169.0.0.0/8", "metadata servers"),
        ("127.0.0.0/8", "loopback"),
        ("0.0.0.0/32", "nobody's address"),
        ("239.1.0.0/16", "multicast"),
    ],
)
def test_a_network_that_nobody_s_service_has_is_refused(listed: Any, path: str, network: str, wrong: str) -> None:
    fault = only_fault(listed(network))

    assert fault.path == path
    assert wrong in fault.wrong


@pytest.mark.parametrize(("listed", "path"), LISTS)
@pytest.mark.parametrize("network", ["203.0.113.0/24", "203.0.113.7/32", "10.0.0.0/8", "169.253.0.0/16"])
def test_a_network_of_a_service_is_accepted(listed: Any, path: str, network: str) -> None:
    assert path
    assert sound(listed(network))


def test_host_bits_are_answered_with_both_things_that_may_be_meant() -> None:
    assert only_fault(provider("203.0.113.7/24")).write == (
        "203.0.113.0/24 for the network, or 203.0.113.7/32 for the single address"
    )
