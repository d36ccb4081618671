"""Rules over a whole stack: what a posture rests on has to be there."""

import datetime
from collections.abc import Iterable
from typing import Any

import pytest

from infra.guard import STACK_RULES, GuardedResource, violations
from infra.guard.guarded import guard_of
from infra.guard.rules.seen import NAMED_CONTROLS, OBJECT_KINDS
from infra.posture import platform_of
from tests.strategies import Document
from tests.unit.diff.changes import GKE, TODAY, changed, configuration, waiver
from tests.unit.guard.stack import everything, thing

POLICY = "networking.k8s.io/v1:NetworkPolicy"
CLOSED = "closed-namespaces-deny-by-default"
SOUND = "posture-is-sound"
THERE = "what-controls-rest-on-is-there"
DENY: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def deny(namespace: str, kind: str = POLICY, **spec: Any) -> GuardedResource:
    by = "bulkhead:network:NetworkPolicies$"
    return thing(kind, "default-deny", namespace, by=by, spec={**DENY, **spec})


def closed_by(policies: Iterable[GuardedResource]) -> list[str]:
    return [one.message for one in violations(policies, everything()) if one.rule == CLOSED]


def claimed() -> list[GuardedResource]:
    """Everything that the posture says is on the cluster, by no more than its name."""
    found: list[GuardedResource] = []
    for name in {name for names in everything().objects.values() for name in names}:
        kind, *place, own = name.split("/")
        if kind in OBJECT_KINDS:
            found.append(thing(f"any.example/v1:{kind}", own, *place))
    return found


def missing(resources: Iterable[GuardedResource]) -> list[str]:
    return [one.message for one in violations(resources, everything()) if one.rule == THERE]


def test_a_stack_whose_closed_namespaces_all_deny_by_default_passes() -> None:
    assert closed_by(map(deny, everything().closed_namespaces)) == []


def test_each_closed_namespace_without_its_default_deny_is_named_with_the_controls() -> None:
    messages = closed_by([])

    assert len(messages) == len(everything().closed_namespaces)
    assert any("namespace bulkhead-engines" in message and "SR1 rests on it" in message for message in messages)
    assert any("namespace bulkhead-tenant-search" in message and "NS4 rests on it" in message for message in messages)


WEAKENED: list[dict[str, Any]] = [
    {"policyTypes": ["Ingress"]},
    {"podSelector": {"matchLabels": {"app": "web"}}},
    {"ingress": [{}]},
    {"egress": [{"to": []}]},
    {"policyTypes": None},
]


@pytest.mark.parametrize("weakened", WEAKENED)
def test_a_default_deny_that_lets_something_pass_is_none(weakened: dict[str, Any]) -> None:
    namespaces = sorted(everything().closed_namespaces)
    first, *others = namespaces

    (message,) = closed_by([deny(first, **weakened), *map(deny, others)])

    assert first in message


def test_a_patch_makes_no_default_deny() -> None:
    patches = [deny(namespace, f"{POLICY}Patch") for namespace in everything().closed_namespaces]

    assert len(closed_by(patches)) == len(patches)


def test_a_stack_with_everything_that_its_posture_names_passes() -> None:
    assert missing(claimed()) == []


def test_whatever_the_posture_names_and_the_stack_lacks_is_missed_with_its_control() -> None:
    resources = claimed()
    policy = next(one for one in resources if one.object_name == "bulkhead-hw3-placement")

    (message,) = missing([one for one in resources if one is not policy])

    assert "ValidatingPolicy/bulkhead-hw3-placement is not among its resources, and HW3 rests on it" in message


def test_a_patch_stands_for_nothing_that_the_posture_names() -> None:
    resources = [one for one in claimed() if one.object_name != "bulkhead-hw3-placement"]
    patch = thing("policies.kyverno.io/v1:ValidatingPolicyPatch", "bulkhead-hw3-placement")

    assert len(missing([*resources, patch])) == 1


def test_the_rule_names_every_control_that_is_realised_by_objects_and_no_other() -> None:
    named = {
        control
        for control, wanted in everything().objects.items()
        if any(name.partition("/")[0] in OBJECT_KINDS for name in wanted)
    }

    assert named == set(NAMED_CONTROLS)


def judged(document: Document, day: datetime.date = TODAY) -> list[str]:
    """What the rule over postures says of a stack file, whatever the stack holds."""
    guard = guard_of(platform_of("test", configuration(document), day))
    return [one.message for one in violations([], guard) if one.rule == SOUND]


def waived(tier: str = "trusted", controls: Iterable[str] = ("SR1", "SR2", "SR3")) -> Document:
    """A stack of cooperative teams with waivers of what its tier lacks."""
    return changed(GKE, trust={"tier": tier, "waivers": [waiver(control) for control in controls]})


def test_a_sound_posture_passes() -> None:
    assert judged(waived()) == []
    assert judged(waived("governed", ())) == []


def test_each_control_that_is_required_and_sleeps_is_refused_whatever_the_program_asked() -> None:
    messages = judged(waived(controls=("SR1",)))

    assert len(messages) == 2
    assert all("the stack: its posture is unsound, and the program would have refused it." in one for one in messages)
    assert all("bulkhead:trust.tier: " in one and "Write: " in one for one in messages)
    assert ["SR2 (" in messages[0], "SR3 (" in messages[1]] == [True, True]


def test_a_waiver_that_has_ended_no_longer_lets_a_stack_pass() -> None:
    day_of_its_end = datetime.date(2027, 6, 1)

    assert judged(waived(), day_of_its_end - datetime.timedelta(days=1)) == []
    assert ["its waiver expired on 2027-06-01" in one for one in judged(waived(), day_of_its_end)] == [True] * 3


def test_the_rule_over_postures_holds_in_every_tier() -> None:
    (rule,) = [rule for rule in STACK_RULES if rule.name == SOUND]

    assert rule.controls == ()
