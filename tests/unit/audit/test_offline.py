"""Offline answers: the blueprint keeps every promise of the tier that it carries, and only those."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.audit.access import load_access_list
from infra.audit.corpus import load_corpus
from infra.audit.identity import Identity
from infra.audit.offline.access import access_offline
from infra.audit.offline.admission import CLUSTER_ONLY, admission_offline
from infra.audit.offline.network import lets_through, network_observations, policies_of
from infra.audit.offline.policies import PolicyCommand, plural_of
from infra.audit.packets.matrix import Caller, Target
from infra.audit.packets.places import ground_of
from infra.audit.results import Observation, Outcome
from infra.audit.scene import scenes_of
from infra.blueprint import names
from infra.blueprint.network import AddressesPeer, NetworkRulePart
from infra.blueprint.platform_network import ANY_ADDRESS, HTTPS, PRIVATE_NETWORKS
from infra.config.trust import ControlId
from infra.posture import Platform
from tests.fixtures.left_to_a_cluster import TWIN_UNDECIDED, UNDECIDED_EVERYWHERE
from tests.unit.audit.stacks import (
    downloading_platform,
    picking_platform,
    platform,
    platform_with_external_stores,
    platform_with_managed_stores,
    platform_without_subjects,
    watched_platform,
)

TIERS = ["trusted", "governed", "partitioned"]
JUDGED_WELL = {Outcome.HOLDS, Outcome.NOT_CLAIMED}


@pytest.mark.parametrize(
    "made_of",
    [
        platform,
        watched_platform,
        downloading_platform,
        picking_platform,
        platform_with_external_stores,
        platform_with_managed_stores,
    ],
)
@pytest.mark.parametrize("tier", TIERS)
def test_network_policies_keep_every_promise_of_the_tier(tier: str, made_of: Callable[[str], Platform]):
    made = made_of(tier)
    found = network_observations(made.blueprint, ground_of(made.blueprint, "outside"), made.posture.in_force)
    assert [one.case for one in found if one.outcome not in JUDGED_WELL] == []


@pytest.mark.parametrize("tier", TIERS)
def test_roles_grant_what_work_needs_and_nothing_that_lifts_a_control(tier: str):
    made = platform(tier)
    scenes = scenes_of(made.blueprint, "node")
    found = access_offline(made.blueprint, load_access_list(), scenes, made.posture.in_force)
    assert [one.about for one in found if one.outcome not in JUDGED_WELL] == []


@pytest.mark.parametrize("control", [ControlId.SR1, ControlId.NS4])
def test_without_its_policies_a_claimed_network_control_is_found_not_to_hold(control: ControlId):
    made = platform("partitioned")
    spaces = made.blueprint.tenant_spaces
    emptied = {
        ControlId.SR1: {"network_policies": ()},
        ControlId.NS4: {"tenant_spaces": tuple(dataclasses.replace(space, network_policies=()) for space in spaces)},
    }
    bare = dataclasses.replace(made.blueprint, **emptied[control])
    found = network_observations(bare, ground_of(bare, "outside"), made.posture.in_force)
    assert any(one.outcome is Outcome.FAILS for one in found if one.control is control)


@pytest.mark.parametrize("made_of", [platform_with_external_stores, platform_with_managed_stores])
def test_a_database_or_a_cache_outside_that_tenants_reach_is_found(made_of: Callable[[str], Platform]):
    made = made_of("governed")
    anywhere = NetworkRulePart((AddressesPeer(ANY_ADDRESS, without_api_server=True),), (), "anything")
    policies = tuple(
        dataclasses.replace(policy, egress=(anywhere,)) if policy.name.startswith("workloads") else policy
        for policy in made.blueprint.network_policies
    )
    wider = dataclasses.replace(made.blueprint, network_policies=policies)
    found = network_observations(wider, ground_of(wider, "outside"), made.posture.in_force)
    failed = {one.case for one in found if one.outcome is Outcome.FAILS and one.control is ControlId.SR1}
    tenants = [tenant.name for tenant in wider.tenants]
    assert {f"tenant {tenant} to {store}" for tenant in tenants for store in ("database", "cache")} <= failed


@pytest.mark.parametrize(
    ("opened", "found_out"),
    [
        # The API server may have a public address, whatever is said of private ones.
        (NetworkRulePart((AddressesPeer(ANY_ADDRESS, PRIVATE_NETWORKS),), (HTTPS,), "weights"), {Target.API_SERVER}),
        (
            NetworkRulePart((AddressesPeer(ANY_ADDRESS, without_api_server=True),), (), "weights"),
            {
                Target.METADATA,
                Target.KUBELET,
                Target.GATEWAY,
                Target.OTHER_TENANT,
                Target.STRANGER,
                Target.WEBHOOK,
            },
        ),
    ],
)
def test_what_an_engine_opens_to_more_than_where_its_weights_are_is_found_not_to_hold(
    opened: NetworkRulePart, found_out: set[Target]
):
    made = downloading_platform("governed").blueprint
    policies = tuple(
        dataclasses.replace(policy, egress=(opened,)) if policy.name == "engine-fetched-weights" else policy
        for policy in made.network_policies
    )
    wider = dataclasses.replace(made, network_policies=policies)
    tried = ground_of(wider, "outside")
    found = network_observations(wider, tried, frozenset({ControlId.SR1}))
    meant = {one.name for one in tried.destinations if one.target in found_out}
    failed = {one.case for one in found if one.outcome is Outcome.FAILS}
    assert failed == {f"engine fetched to {name}" for name in meant}


def test_a_role_of_everything_is_found_not_to_hold():
    made = platform("partitioned")
    space = made.blueprint.tenant_spaces[0]
    assert space.access is not None
    rule = dataclasses.replace(
        space.access.rules[0], api_groups=("networking.k8s.io",), resources=("networkpolicies",), verbs=("delete",)
    )
    access = dataclasses.replace(space.access, rules=(*space.access.rules, rule))
    wider = dataclasses.replace(
        made.blueprint,
        tenant_spaces=(dataclasses.replace(space, access=access), *made.blueprint.tenant_spaces[1:]),
    )
    found = access_offline(wider, load_access_list(), scenes_of(wider, "node"), made.posture.in_force)
    failed = {one.case for one in found if one.outcome is Outcome.FAILS}
    assert failed == {"delete networkpolicies.networking.k8s.io in own"}


def test_a_pod_that_no_policy_selects_is_open_and_one_that_is_selected_is_not():
    made = platform("partitioned")
    tried = ground_of(made.blueprint, "outside")
    stranger = next(one for one in tried.positions if one.caller is Caller.STRANGER)
    engine = next(one for one in tried.destinations if one.target is Target.ENGINE)
    assert lets_through((), stranger, engine)
    assert not lets_through(policies_of(made.blueprint), stranger, engine)


@pytest.mark.parametrize("tier", ["governed", "partitioned", "adversarial"])
@pytest.mark.parametrize("labelled_as", ["gateway", "tenants", "engine", "endpoint-picker", "prometheus"])
def test_a_tenants_pod_reaches_nothing_more_with_the_labels_of_the_platforms_own(tier: str, labelled_as: str):
    made = watched_platform(tier)
    tried, policies = ground_of(made.blueprint, "outside"), policies_of(made.blueprint)
    for position in [one for one in tried.positions if one.caller is Caller.TENANT]:
        disguised = dataclasses.replace(position, labels=names.workload_labels(labelled_as))
        for destination in tried.destinations:
            assert lets_through(policies, disguised, destination) is lets_through(policies, position, destination)


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Pod", "pods"),
        ("Ingress", "ingresses"),
        ("NetworkPolicy", "networkpolicies"),
        ("Endpoints", "endpoints"),
        ("Gateway", "gateways"),
    ],
)
def test_kinds_are_called_in_the_plural_as_in_paths(kind: str, plural: str):
    assert plural_of(kind) == plural


# --- what is never judged without a cluster ---------------------------------------------------------------------

WITHOUT_DEDICATED_NODES = {
    "the tenant has quota of every kind of GPU": {"gpus-of-a-kind-without-quota"},
    "no label marks GPU nodes of other tenants alone": {"other-tenants-pool", "other-tenants-pool-among-own"},
}
"""What the platform of these tests lacks, so that the case has nothing to name."""
IN_A_SHARED_NAMESPACE = {"no other tenant has a namespace of its own": {"work-in-another-tenants-namespace"}}


class Permitting(PolicyCommand):
    """Policies that object to nothing, so that only what is asked about them shows."""

    def __init__(self) -> None:
        super().__init__(Path(), (), {}, "")

    def denials(self, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        return {}


class OnlyAdministrators(Permitting):
    """As SR2's policies answer where tenants share a namespace and have no subjects."""

    def denials(self, identity: Identity, objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        if "system:masters" in identity.groups:
            return {}
        return {str(one["metadata"]["name"]): "SR2: belongs to a tenant" for one in objects}


def test_work_of_a_tenant_for_whom_nobody_acts_is_an_administrators_without_a_cluster_too():
    made = platform_without_subjects()
    scenes = scenes_of(made.blueprint, "node")
    found = admission_offline(made.blueprint, load_corpus(), scenes, made.posture.in_force, OnlyAdministrators())
    outcomes = {one.case: one.outcome for one in found}
    assert (outcomes["gpu-pod"], outcomes["pod-without-queue"]) == (Outcome.HOLDS, Outcome.HOLDS)


def on_the_corpus(tier: str) -> tuple[Observation, ...]:
    made = platform(tier)
    scenes = scenes_of(made.blueprint, "node")
    return admission_offline(made.blueprint, load_corpus(), scenes, made.posture.in_force, Permitting())


def cases_by_reason(found: Iterable[Observation], reasons: Callable[[str], str | None]) -> dict[str, set[str]]:
    sorted_out: dict[str, set[str]] = {}
    for one in found:
        if (reason := reasons(one.seen)) is not None:
            sorted_out.setdefault(reason, set()).add(one.case)
    return sorted_out


@pytest.mark.parametrize("tier", ["governed", "partitioned"])
def test_exactly_these_cases_are_left_to_a_cluster(tier: str):
    def left(seen: str) -> str | None:
        return seen.removeprefix(f"{CLUSTER_ONLY}: ") if seen.startswith(f"{CLUSTER_ONLY}: ") else None

    assert cases_by_reason(on_the_corpus(tier), left) == UNDECIDED_EVERYWHERE


@pytest.mark.parametrize(
    ("tier", "missing"),
    [("governed", {**WITHOUT_DEDICATED_NODES, **IN_A_SHARED_NAMESPACE}), ("partitioned", WITHOUT_DEDICATED_NODES)],
)
def test_exactly_these_cases_name_what_the_platform_lacks(tier: str, missing: dict[str, set[str]]):
    reasons = {*WITHOUT_DEDICATED_NODES, *IN_A_SHARED_NAMESPACE}
    found = [one for one in on_the_corpus(tier) if one.outcome in {Outcome.UNPROVEN, Outcome.NOT_CLAIMED}]

    assert cases_by_reason(found, lambda seen: seen if seen in reasons else None) == missing


def test_exactly_these_refusals_prove_nothing_since_their_twin_is_left_to_a_cluster():
    assert {one.case for one in on_the_corpus("partitioned") if "but its twin" in one.seen} == TWIN_UNDECIDED


def test_what_is_left_to_a_cluster_is_never_taken_for_holding():
    left = [one for one in on_the_corpus("partitioned") if one.seen.startswith(CLUSTER_ONLY)]
    assert {one.outcome for one in left} <= {Outcome.UNPROVEN, Outcome.NOT_CLAIMED}
