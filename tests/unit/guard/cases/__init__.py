"""The cases of every rule, in one module for each module of rules."""

from dataclasses import dataclass

from infra.guard import GuardedResource


@dataclass(frozen=True)
class Cases:
    """What a rule says to resources.

    Attributes:
        passing: What is as it should be.
        refused: What weakens the control.
        silent: What lacks the field that the rule looks at, and passes.
        lacking: What lacks a field that has to be there, and is refused.
        others: Rules that refuse some of it as well, each for a control of its own.
    """

    passing: tuple[GuardedResource, ...]
    refused: tuple[GuardedResource, ...]
    silent: tuple[GuardedResource, ...] = ()
    lacking: tuple[GuardedResource, ...] = ()
    others: frozenset[str] = frozenset()
