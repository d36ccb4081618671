"""A policy that is found compared with the one that is meant, where some addresses are known only on the cluster."""

from typing import Any

import pytest

from infra.blueprint.network import AddressesPeer, ManagedService, NetworkPolicyPart, NetworkRulePart
from infra.guard.connections import differences

METADATA_SERVER = "169.254.0.0/16"
API_SERVER, DATABASE, CACHE = "192.0.2.9/32", "10.0.0.3/32", "10.0.0.4/32"
MEANT = AddressesPeer(
    "0.0.0.0/0",
    (METADATA_SERVER,),
    without_api_server=True,
    without_services=(ManagedService.DATABASE, ManagedService.CACHE),
)


def found_different(to: Any) -> list[str]:
    part = NetworkPolicyPart("one", "shared", "SR1", {}, None, (NetworkRulePart((MEANT,), (), "a test"),))
    return differences({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": to}]}, part)


def everywhere_but(*left_out: str) -> list[dict[str, Any]]:
    return [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(left_out)}}]


@pytest.mark.parametrize(
    "to",
    [
        everywhere_but(METADATA_SERVER, API_SERVER, DATABASE, CACHE),
        everywhere_but(METADATA_SERVER, API_SERVER, "192.0.2.10/32", DATABASE, CACHE),
        "[computed]",
    ],
    ids=["each of them", "an API server of two addresses", "not known yet"],
)
def test_addresses_without_the_api_server_and_managed_services_are_as_meant(to: Any) -> None:
    assert found_different(to) == []


@pytest.mark.parametrize(
    "to",
    [
        everywhere_but(METADATA_SERVER, API_SERVER, DATABASE),
        everywhere_but(METADATA_SERVER),
        everywhere_but(API_SERVER, DATABASE, CACHE),
        everywhere_but(METADATA_SERVER, API_SERVER, DATABASE, "10.0.0.0/8"),
    ],
    ids=["without one", "without any", "without the metadata server", "a network for an address"],
)
def test_addresses_that_leave_out_less_or_other_are_not(to: Any) -> None:
    assert found_different(to) == ["egress"]
