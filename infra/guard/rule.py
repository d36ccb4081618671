"""What a rule is, when it holds, and how its objections read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from infra.config.trust import ControlId
from infra.guard.model import Guard, GuardedResource


@dataclass(frozen=True)
class ResourceRule:
    """A rule over one resource.

    Attributes:
        name: What it is called, in reports and in the policy pack.
        controls: The controls that it keeps, in the catalogue's order: it holds while one of them is in force. None of
            them: it holds in every tier.
        description: What it wants, in one sentence.
        check: What it objects to: what is wrong, what follows, and what to write instead.
    """

    name: str
    controls: tuple[ControlId, ...]
    description: str
    check: Callable[[GuardedResource, Guard], Iterator[str]]


@dataclass(frozen=True)
class StackRule:
    """A rule over all resources of a stack at once, for what must not be missing; its attributes are as above.

    What it says of each thing that is missing names the one control that rests on it.
    """

    name: str
    controls: tuple[ControlId, ...]
    description: str
    check: Callable[[Iterable[GuardedResource], Guard], Iterator[str]]


Rule = ResourceRule | StackRule


def holds(rule: Rule, guard: Guard) -> bool:
    """Whether a rule holds in a stack."""
    return not rule.controls or not guard.in_force.isdisjoint(rule.controls)


def objections(rule: ResourceRule, resource: GuardedResource, guard: Guard) -> Iterator[str]:
    """What a rule objects to in a resource; nothing where it does not hold."""
    if holds(rule, guard):
        for text in rule.check(resource, guard):
            yield f"{resource.title}{_weakens(rule, guard)}: {text}"


def stack_objections(rule: StackRule, resources: Iterable[GuardedResource], guard: Guard) -> Iterator[str]:
    """What a rule objects to in a whole stack; nothing where it does not hold."""
    if holds(rule, guard):
        for text in rule.check(resources, guard):
            yield f"the stack: {text}"


def _weakens(rule: ResourceRule, guard: Guard) -> str:
    """Only what is in force can be weakened."""
    kept = [str(control) for control in rule.controls if control in guard.in_force]
    return f" weakens {', '.join(kept)}" if kept else ""
