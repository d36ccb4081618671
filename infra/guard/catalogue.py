"""All rules, and what they object to in the resources of a stack."""

from collections.abc import Iterable

from infra.guard.model import Guard, GuardedResource, Violation
from infra.guard.rule import ResourceRule, StackRule, objections, stack_objections
from infra.guard.rules import (
    access,
    admission,
    data,
    engines,
    gateway,
    images,
    namespaces,
    network,
    nodes,
    places,
    posture,
    queues,
    reach,
    seen,
)

RESOURCE_RULES: tuple[ResourceRule, ...] = (
    *places.RULES,
    *reach.RULES,
    *network.RULES,
    *queues.RULES,
    *admission.RULES,
    *namespaces.RULES,
    *access.RULES,
    *gateway.RULES,
    *engines.RULES,
    *nodes.RULES,
    *images.RULES,
    *data.RULES,
    *seen.RULES,
)
STACK_RULES: tuple[StackRule, ...] = (*network.STACK_RULES, *seen.STACK_RULES, *posture.STACK_RULES)


def violations(resources: Iterable[GuardedResource], guard: Guard) -> list[Violation]:
    """What all rules that hold object to, in the order of the rules and then of the resources."""
    known = tuple(resources)
    return [
        *violations_of_each(known, guard),
        *(
            Violation(rule.name, "", message)
            for rule in STACK_RULES
            for message in stack_objections(rule, known, guard)
        ),
    ]


def violations_of_each(resources: Iterable[GuardedResource], guard: Guard) -> list[Violation]:
    """What the rules over single resources object to: also where not all of a stack's resources are at hand."""
    known = tuple(resources)
    return [
        Violation(rule.name, resource.urn, message)
        for rule in RESOURCE_RULES
        for resource in known
        for message in objections(rule, resource, guard)
    ]
