"""Offline answers: the blueprint keeps every promise of the tier that it carries, and only those."""

import dataclasses

import pytest

from infra.audit.access import load_access_list
from infra.audit.offline.access import access_offline
from infra.audit.offline.network import lets_through, network_observations, policies_of
from infra.audit.offline.policies import plural_of
from infra.audit.packets.matrix import Caller, Target
from infra.audit.packets.places import ground_of
from infra.audit.results import Outcome
from infra.audit.scene import scenes_of
from infra.blueprint import names
from infra.config.trust import ControlId
from tests.unit.audit.stacks import platform

TIERS = ["trusted", "governed", "partitioned"]
JUDGED_WELL = {Outcome.HOLDS, Outcome.NOT_CLAIMED}


@pytest.mark.parametrize("tier", TIERS)
def test_network_policies_keep_every_promise_of_the_tier(tier: str):
    made = platform(tier)
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
@pytest.mark.parametrize("labelled_as", ["gateway", "tenants", "engine", "endpoint-picker"])
def test_a_tenants_pod_reaches_nothing_more_with_the_labels_of_the_platforms_own(tier: str, labelled_as: str):
    made = platform(tier)
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
