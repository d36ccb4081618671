"""The committed stacks' plans, each made once for all tests that read it."""

import copy
import datetime
import functools
from pathlib import Path

from infra.config.loader import load_stack_file, parse
from infra.config.stack import PROJECT, SECRET_KEYS, StackConfig
from infra.config.stack_file import read_stack_file
from infra.plan import Plan, plan
from infra.posture import platform_of
from tests.strategies import Document

PROJECT_FOLDER = Path(__file__).parents[2]
STACKS = ("dev", "local", "prod")
TODAY = datetime.date(2026, 11, 24)
"""The day on which the committed stacks are judged here: a golden file must not change at midnight."""


def stack_file(stack: str) -> Path:
    """The committed stack file."""
    return PROJECT_FOLDER / f"Pulumi.{stack}.yaml"


def document_of(stack: str) -> Document:
    """A copy of what a committed stack file says, to be changed: full keys → values."""
    return copy.deepcopy(dict(read_stack_file(stack_file(stack)).document))


EVERY_SECRET = {name: f"the secret {name}" for name in sorted(SECRET_KEYS)}


@functools.cache
def committed_plan(stack: str) -> Plan:
    """The plan of a committed stack."""
    _, config = load_stack_file(stack_file(stack), TODAY)
    document = read_stack_file(stack_file(stack)).document
    secrets = {name: value for name, value in EVERY_SECRET.items() if f"{PROJECT}:{name}" in document}
    return plan(platform_of(stack, config, TODAY), secrets)


def plan_of(config: StackConfig, stack: str = "test") -> Plan:
    """The plan of a configuration, with every secret set."""
    return plan(platform_of(stack, config, TODAY), EVERY_SECRET)


def configuration(document: Document) -> StackConfig:
    """The configuration of a document that is sound."""
    parsed = parse(document, TODAY)
    assert isinstance(parsed, StackConfig), parsed
    return parsed
