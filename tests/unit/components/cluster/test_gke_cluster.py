"""A GKE cluster: private, and strict from its first minute."""

import dataclasses
import ipaddress
import json
from typing import Any, cast

import pytest
import yaml

from components.cluster.gke import GkeCluster, GkeClusterArgs, region_of
from components.cluster.kubeconfig import gke_kubeconfig
from components.cluster.network import NODES_RANGE, PODS_RANGE, PROXIES_RANGE, SERVICES_RANGE
from infra.blueprint.model import GkeClusterPart
from infra.plan import Plan, PlannedResource, record

PART = GkeClusterPart(
    name="llm",
    project="example-project",
    location="europe-west4",
    release_channel="STABLE",
    node_zones=(),
    authorized_networks=(),
    deletion_protection=True,
)
CLUSTER = "gcp:container/cluster:Cluster"


def planned(part: GkeClusterPart = PART) -> Plan:
    return record("test", lambda: _make(part))


def _make(part: GkeClusterPart) -> None:
    GkeCluster("cluster", GkeClusterArgs(part))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planned()


def control_plane(plan: Plan) -> PlannedResource:
    (only,) = plan.of_type(CLUSTER)
    return only


def inputs(plan: Plan) -> dict[str, Any]:
    return cast("dict[str, Any]", control_plane(plan).inputs)


def test_nodes_have_private_addresses_only(plan: Plan) -> None:
    assert inputs(plan)["privateClusterConfig"]["enablePrivateNodes"] is True


def test_without_authorized_networks_the_control_plane_has_no_address_to_attack(plan: Plan) -> None:
    endpoints = inputs(plan)["controlPlaneEndpointsConfig"]

    assert endpoints["ipEndpointsConfig"]["enabled"] is False
    assert endpoints["dnsEndpointConfig"]["allowExternalTraffic"] is True
    assert "masterAuthorizedNetworksConfig" not in inputs(plan)


def test_authorized_networks_and_no_others_reach_the_control_planes_address() -> None:
    made = inputs(planned(dataclasses.replace(PART, authorized_networks=(("office", "203.0.113.0/24"),))))

    assert made["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["enabled"] is True
    assert made["masterAuthorizedNetworksConfig"] == {
        "cidrBlocks": [{"cidrBlock": "203.0.113.0/24", "displayName": "office"}],
        "gcpPublicCidrsAccessEnabled": False,
    }


def test_the_dataplane_enforces_network_policy(plan: Plan) -> None:
    assert inputs(plan)["datapathProvider"] == "ADVANCED_DATAPATH"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("workloadIdentityConfig.workloadPool", "example-project.svc.id.goog"),
        ("enableShieldedNodes", True),
        ("enableLegacyAbac", False),
        ("masterAuth.clientCertificateConfig.issueClientCertificate", False),
        ("rbacBindingConfig.enableInsecureBindingSystemAuthenticated", False),
        ("rbacBindingConfig.enableInsecureBindingSystemUnauthenticated", False),
        ("anonymousAuthenticationConfig.mode", "LIMITED"),
        ("nodePoolDefaults.nodeConfigDefaults.insecureKubeletReadonlyPortEnabled", "FALSE"),
        ("networkingMode", "VPC_NATIVE"),
        ("removeDefaultNodePool", True),
        ("releaseChannel.channel", "STABLE"),
        ("deletionProtection", True),
    ],
)
def test_the_cluster_is_hardened(plan: Plan, path: str, value: object) -> None:
    found: Any = inputs(plan)
    for key in path.split("."):
        found = found[key]

    assert found == value


def test_pods_and_services_have_ranges_of_their_own_that_do_not_overlap(plan: Plan) -> None:
    (subnetwork,) = plan.of_type("gcp:compute/subnetwork:Subnetwork")
    made = cast("dict[str, Any]", subnetwork.inputs)
    ranges = [made["ipCidrRange"], *(part["ipCidrRange"] for part in made["secondaryIpRanges"])]
    networks = [ipaddress.ip_network(text) for text in ranges]

    assert len(networks) == 3
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)
    names = {part["rangeName"] for part in made["secondaryIpRanges"]}
    policy = inputs(plan)["ipAllocationPolicy"]
    assert {policy["clusterSecondaryRangeName"], policy["servicesSecondaryRangeName"]} == names


def test_nodes_run_as_an_account_that_may_pull_images_and_write_logs_and_nothing_else(plan: Plan) -> None:
    roles = {str(grant.inputs["role"]) for grant in plan.of_type("gcp:projects/iAMMember:IAMMember")}

    assert roles == {"roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"}


@pytest.mark.parametrize("name", ["a", "llm", "a-very-long-cluster-name-with-40-letters"])
def test_the_accounts_id_has_the_length_that_google_allows(name: str) -> None:
    (account,) = planned(dataclasses.replace(PART, name=name)).of_type("gcp:serviceaccount/account:Account")

    assert 6 <= len(str(account.inputs["accountId"])) <= 30


def test_the_cluster_waits_for_its_nodes_roles_and_their_way_out(plan: Plan) -> None:
    grants = {grant.urn for grant in plan.of_type("gcp:projects/iAMMember:IAMMember")}
    (nat,) = plan.of_type("gcp:compute/routerNat:RouterNat")

    assert grants | {nat.urn} <= set(control_plane(plan).options.dependencies)


def test_deletion_is_refused_by_google_and_by_pulumi_until_the_stack_file_says_otherwise(plan: Plan) -> None:
    unprotected = planned(dataclasses.replace(PART, deletion_protection=False))

    assert control_plane(plan).options.protect is True
    assert control_plane(unprotected).options.protect is False
    assert inputs(unprotected)["deletionProtection"] is False


def test_the_default_pools_settings_are_not_taken_for_drift(plan: Plan) -> None:
    assert control_plane(plan).options.ignore_changes == ("nodeConfig",)


@pytest.mark.parametrize(("location", "region"), [("europe-west4", "europe-west4"), ("europe-west4-a", "europe-west4")])
def test_a_zones_network_lies_in_its_region(location: str, region: str) -> None:
    assert region_of(location) == region


def test_the_kubeconfig_holds_no_credential_and_asks_googles_plugin_instead() -> None:
    kubeconfig = gke_kubeconfig("llm", "gke-1234.europe-west4.gke.goog")
    document = yaml.safe_load(kubeconfig)

    (user,) = document["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert document["clusters"][0]["cluster"] == {"server": "https://gke-1234.europe-west4.gke.goog"}
    assert json.loads(kubeconfig) == document


def test_the_cluster_is_identified_by_what_is_known_before_it_exists() -> None:
    identifiers: list[str] = []

    def program() -> None:
        identifiers.append(GkeCluster("cluster", GkeClusterArgs(PART)).connection.identifier)

    record("test", program)

    assert identifiers == ["gke/example-project/europe-west4/llm"]


def test_the_gateway_api_comes_with_its_controller_and_a_subnet_for_proxies_where_it_is_wanted(plan: Plan) -> None:
    routed = planned(dataclasses.replace(PART, gateway_api=True))
    purposes = [subnet.inputs.get("purpose") for subnet in routed.of_type("gcp:compute/subnetwork:Subnetwork")]

    assert inputs(routed)["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
    assert purposes.count("REGIONAL_MANAGED_PROXY") == 1
    assert "gatewayApiConfig" not in inputs(plan)
    assert len(plan.of_type("gcp:compute/subnetwork:Subnetwork")) == 1


def test_the_subnet_for_proxies_overlaps_no_other_range() -> None:
    ranges = [ipaddress.ip_network(each) for each in (NODES_RANGE, PODS_RANGE, SERVICES_RANGE, PROXIES_RANGE)]

    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)
