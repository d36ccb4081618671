"""A stack's posture with the real catalogue, and the blueprint that carries it."""

import datetime
from dataclasses import dataclass, replace

from infra.blueprint.model import Blueprint
from infra.blueprint.trusted import trusted_blueprint
from infra.config.stack import StackConfig
from infra.controls.catalogue import CONTROLS, apply_enforced, available, objects_in_force
from infra.trust.posture import Posture
from infra.trust.resolver import resolve


@dataclass(frozen=True)
class Platform:
    """What a stack will be: its posture, and the blueprint that carries every control in force."""

    posture: Posture
    blueprint: Blueprint


def platform_of(stack: str, config: StackConfig, today: datetime.date) -> Platform:
    """The platform of a configuration that the loader accepted.

    The posture may be unsound; whoever deploys refuses it then.

    Args:
        stack: The stack's name.
        config: The configuration.
        today: The day on which waivers are judged.
    """
    posture = resolve(stack, config, CONTROLS, today, available())
    blueprint = apply_enforced(trusted_blueprint(stack, config), posture)
    objects = objects_in_force(blueprint, posture)
    rows = tuple(replace(row, objects=objects.get(row.control.id, ())) for row in posture.controls)
    return Platform(replace(posture, controls=rows), blueprint)


def posture_of(stack: str, config: StackConfig, today: datetime.date) -> Posture:
    """The posture of a configuration that the loader accepted, with the objects that realise each control."""
    return platform_of(stack, config, today).posture
