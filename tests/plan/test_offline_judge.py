"""What is judged without a cluster is what would be deployed, in every tier: the manifests say what the blueprint says.

Admission policies are judged by their manifests. Network policies, roles and the labels of namespaces are judged from
the blueprint, which knows no address that only a deployment gives; here the manifests are read back and compared.
"""

import functools
from typing import Any

import pytest

from infra.audit.offline.access import grants_of
from infra.audit.offline.admission import namespace_labels
from infra.audit.offline.network import lets_through, policies_of
from infra.audit.packets.places import ground_of
from infra.blueprint.model import Blueprint
from infra.config.trust import Tier
from infra.plan import Plan, plan
from infra.posture import Platform, platform_of
from tests.plan.read_back import comparable, grants, namespaces, network_policies, provider
from tests.plan.stacks import EVERY_SECRET, TODAY, configuration
from tests.unit.audit.stacks import document

MANAGED_ELSEWHERE: dict[str, Any] = {
    "bulkhead:cluster": {"kind": "gke", "project": "example-project", "location": "europe-west4"},
    "bulkhead:gateway": {
        "replicas": 2,
        "database": {"kind": "cloud_sql"},
        "cache": {"kind": "memorystore"},
        "admin": {"allowed_from": ["operators"]},
    },
    "bulkhead:observability": {"kind": "prometheus"},
}
BESIDE_THE_BLUEPRINT = {"gateway-ports", "prometheus-readers"}
"""Policies that a component makes for its own pods in every tier, where nothing is claimed too; they are not judged."""
CLOSED_BESIDE_THE_BLUEPRINT = {
    "two tenants": {"gateway, port for accounts", "gateway, another port"},
    "managed services": {"gateway, port for accounts", "gateway, another port", "metrics of gateway"},
}
"""Shape → what these close; only the second one has a Prometheus, and so a port for it."""


@functools.cache
def made(shape: str, tier: str) -> tuple[Platform, Plan]:
    """A platform, and what an update of it would register."""
    shapes: dict[str, dict[str, Any]] = {
        "two tenants": document(tier),
        "managed services": {**document(tier), **MANAGED_ELSEWHERE},
    }
    platform = platform_of("test", configuration(shapes[shape]), TODAY)
    return platform, plan(platform, EVERY_SECRET, provider)


SHAPES = ("two tenants", "managed services")
every_tier = pytest.mark.parametrize(("shape", "tier"), [(shape, tier) for shape in SHAPES for tier in map(str, Tier)])

every_tier_with_policies = pytest.mark.parametrize(
    ("shape", "tier"), [(shape, tier) for shape in SHAPES for tier in map(str, Tier) if tier != Tier.TRUSTED]
)


@every_tier
def test_every_network_policy_of_the_blueprint_is_deployed_as_it_is_judged_and_no_other(shape: str, tier: str) -> None:
    platform, planned = made(shape, tier)
    deployed = [one for one in network_policies(planned) if one.name not in BESIDE_THE_BLUEPRINT]

    assert sorted(map(str, map(comparable, deployed))) == sorted(
        map(str, map(comparable, policies_of(platform.blueprint)))
    )


@every_tier_with_policies
def test_every_connection_is_judged_alike_by_the_manifests_and_by_the_blueprint(shape: str, tier: str) -> None:
    deployed, judged = connections(shape, tier)

    assert {pair for pair in deployed if deployed[pair] != judged[pair]} == set()
    assert set(judged.values()) == {True, False}


@pytest.mark.parametrize("shape", SHAPES)
def test_where_no_network_control_is_claimed_the_gateways_own_ports_are_closed_beyond_what_is_judged(
    shape: str,
) -> None:
    deployed, judged = connections(shape, "trusted")

    assert all(judged.values())
    assert {called for (_, called), passes in deployed.items() if not passes} == CLOSED_BESIDE_THE_BLUEPRINT[shape]


def connections(shape: str, tier: str) -> tuple[dict[tuple[str, str], bool], dict[tuple[str, str], bool]]:
    """(Caller, called) → whether it passes: by the plan's manifests, the gateway's own among them; by the blueprint."""
    platform, planned = made(shape, tier)
    deployed, judged = tuple(network_policies(planned)), policies_of(platform.blueprint)
    pairs = [(one, other) for one, other, _ in ground_of(platform.blueprint, "outside").pairs()]
    return (
        {(one.name, other.name): lets_through(deployed, one, other) for one, other in pairs},
        {(one.name, other.name): lets_through(judged, one, other) for one, other in pairs},
    )


@every_tier
def test_every_binding_grants_what_is_judged_and_no_other_does(shape: str, tier: str) -> None:
    platform, planned = made(shape, tier)

    def by_subject(found: Any) -> list[str]:
        return sorted(map(str, found))

    tenants = {name for name in namespaces(planned) if name in _places(platform.blueprint)}
    assert by_subject(one for one in grants(planned) if one[1] in tenants) == by_subject(grants_of(platform.blueprint))


def _places(blueprint: Blueprint) -> set[str]:
    """The namespaces in which tenants get rights."""
    shared = {blueprint.shared_access.namespace} if blueprint.shared_access else set[str]()
    return shared | {space.namespace.name for space in blueprint.tenant_spaces}


@every_tier
def test_namespaces_have_the_labels_that_policies_are_judged_by(shape: str, tier: str) -> None:
    platform, planned = made(shape, tier)
    deployed, judged = namespaces(planned), namespace_labels(platform.blueprint)

    assert deployed.keys() == judged.keys() - {"default", "kube-system"}
    assert [name for name, labels in deployed.items() if not judged[name].items() <= labels.items()] == []
    selecting = {*platform.blueprint.quota.managed_namespace_labels, "bulkhead.dev/tenant"}
    for name, labels in deployed.items():
        assert {key: labels.get(key) for key in selecting} == {key: judged[name].get(key) for key in selecting}, name
