"""The platform's own rules over any resource of a stack, so that one written by hand cannot weaken a control.

Pure functions over plain data: the policy pack in `policy/` runs them in the engine, and the tests over offline plans.
"""

from infra.guard.catalogue import RESOURCE_RULES, STACK_RULES, violations, violations_of_each
from infra.guard.model import Guard, GuardedResource, Violation

__all__ = [
    "RESOURCE_RULES",
    "STACK_RULES",
    "Guard",
    "GuardedResource",
    "Violation",
    "violations",
    "violations_of_each",
]
