"""Each rule of the policy pack: what passes, what is refused, and what happens where nothing is said."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from infra.config.trust import ControlId
from infra.guard import RESOURCE_RULES, STACK_RULES, GuardedResource, violations_of_each
from infra.guard.rule import ResourceRule
from tests.unit.guard.cases import (
    Cases,
    access,
    admission,
    engines,
    everywhere,
    gateway,
    namespaces,
    network,
    nodes,
    places,
    queues,
    reach,
)
from tests.unit.guard.stack import as_engine, everything, resource

CASES: Mapping[str, Cases] = {
    **places.CASES,
    **reach.CASES,
    **network.CASES,
    **queues.CASES,
    **admission.CASES,
    **namespaces.CASES,
    **access.CASES,
    **gateway.CASES,
    **engines.CASES,
    **nodes.CASES,
    **everywhere.CASES,
}
LET_THROUGH = [(rule, one) for rule, cases in CASES.items() for one in (*cases.passing, *cases.silent)]
REFUSED = [(rule, one) for rule, cases in CASES.items() for one in (*cases.refused, *cases.lacking)]


def broken(one: GuardedResource, **guarded: Any) -> set[str]:
    return {violation.rule for violation in violations_of_each([one], replace(everything(), **guarded))}


def named(case: object) -> str | None:
    return case if isinstance(case, str) else case.title if isinstance(case, GuardedResource) else None


@pytest.mark.parametrize(("rule", "one"), LET_THROUGH, ids=named)
def test_what_is_as_it_should_be_or_says_nothing_of_it_passes(rule: str, one: GuardedResource) -> None:
    assert rule not in broken(one)


@pytest.mark.parametrize(("rule", "one"), REFUSED, ids=named)
def test_what_weakens_a_control_or_lacks_what_it_needs_is_refused_by_its_rule_alone(
    rule: str, one: GuardedResource
) -> None:
    assert {rule} <= broken(one) <= {rule, *CASES[rule].others}


@pytest.mark.parametrize(("rule", "one"), REFUSED, ids=named)
def test_a_refusal_names_the_resource_the_control_and_what_to_write(rule: str, one: GuardedResource) -> None:
    (known,) = (each for each in RESOURCE_RULES if each.name == rule)
    messages = [each.message for each in violations_of_each([one], everything()) if each.rule == rule]

    for message in messages:
        assert message.startswith(one.title)
        assert all(control in message.removeprefix(one.title).partition(":")[0] for control in known.controls)
        assert "Write: " in message or rule == "images-are-not-below-their-floors"


@pytest.mark.parametrize(("rule", "one"), [*LET_THROUGH, *REFUSED], ids=named)
def test_a_rule_judges_what_the_policy_sdk_hands_it_as_it_judges_plain_values(rule: str, one: GuardedResource) -> None:
    handed = replace(one, properties=as_engine(one.properties))

    assert broken(handed) == broken(one), rule


def test_every_rule_has_passing_refused_and_missing_cases() -> None:
    assert set(CASES) == {rule.name for rule in RESOURCE_RULES}
    for rule, cases in CASES.items():
        assert cases.passing, rule
        assert cases.refused, rule
        assert cases.silent or cases.lacking, rule


@pytest.mark.parametrize("rule", RESOURCE_RULES, ids=lambda rule: rule.name)
def test_no_rule_objects_to_what_is_none_of_its_concern(rule: ResourceRule) -> None:
    assert not list(rule.check(resource("example:index:Thing", {}), everything()))


@pytest.mark.parametrize("rule", [rule for rule in RESOURCE_RULES if rule.controls], ids=lambda rule: rule.name)
def test_a_rule_holds_exactly_while_one_of_its_controls_is_in_force(rule: ResourceRule) -> None:
    cases = CASES[rule.name]

    for control in rule.controls:
        assert any(rule.name in broken(one, in_force=frozenset({control})) for one in cases.refused), control
    asleep = frozenset(ControlId) - set(rule.controls)
    assert all(rule.name not in broken(one, in_force=asleep) for one in (*cases.refused, *cases.lacking))


def test_every_control_has_a_rule_over_single_resources() -> None:
    assert {control for rule in RESOURCE_RULES for control in rule.controls} == set(ControlId)


def test_no_two_rules_share_a_name() -> None:
    names = [rule.name for rule in (*RESOURCE_RULES, *STACK_RULES)]

    assert len(names) == len(set(names))
