"""The policy pack: the platform's own rules, run by the engine over every resource of a stack.

    (cd policy && pulumi install) && pulumi preview --policy-pack policy --stack NAME

What the rules stand guard over is read from the stack file that lies in the project around this folder, or from the one
that `bulkhead transition` names while it makes an update of another.
"""

import os
import sys
from pathlib import Path

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from infra.guard import RESOURCE_RULES, STACK_RULES, Guard, GuardedResource  # noqa: E402 - from the project around
from infra.guard.rule import ResourceRule, StackRule, objections, stack_objections  # noqa: E402
from infra.guard.stack import guard_of_stack, judged_file  # noqa: E402

STACK_TYPE = "pulumi:pulumi:Stack"


def _guard(urn: str) -> Guard:
    stack = urn.removeprefix("urn:pulumi:").partition("::")[0]
    return guard_of_stack(judged_file(PROJECT, stack, os.environ), stack)


def _guarded(args: ResourceValidationArgs) -> GuardedResource:
    return GuardedResource(args.urn, args.resource_type, args.name, args.props, bool(args.opts.protect))


def _resource_policy(rule: ResourceRule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for message in objections(rule, _guarded(args), _guard(args.urn)):
            report(message)

    return ResourceValidationPolicy(rule.name, rule.description, validate)


def _stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        own = next((one for one in args.resources if one.resource_type == STACK_TYPE), None)
        if own is None:
            return
        resources = [
            GuardedResource(one.urn, one.resource_type, one.name, one.props, bool(one.opts.protect))
            for one in args.resources
        ]
        for message in stack_objections(rule, resources, _guard(own.urn)):
            report(message, own.urn)

    return StackValidationPolicy(rule.name, rule.description, validate)


PolicyPack(
    name="bulkhead",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[*map(_resource_policy, RESOURCE_RULES), *map(_stack_policy, STACK_RULES)],
)
