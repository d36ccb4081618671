"""The Pulumi program: from the engine's configuration to registered resources."""

from infra.program.compose import ComposedPlatform, compose
from infra.program.entry import judge, refusal, register, run
from infra.program.secrets import StackSecrets, secrets_from_values

__all__ = [
    "ComposedPlatform",
    "StackSecrets",
    "compose",
    "judge",
    "refusal",
    "register",
    "run",
    "secrets_from_values",
]
