"""The stack's secrets: read by name, kept as Pulumi secrets, never part of the typed configuration."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.config.stack import PROJECT


@dataclass(frozen=True)
class StackSecrets:
    """Secrets that an operator has set; None where one is not set.

    Attributes:
        model_hub_token: What the model hub asks for gated models.
        database_url: The URL of an external PostgreSQL, user and password included.
        cache_url: The URL of an external Redis, password included.
    """

    model_hub_token: pulumi.Output[str] | None = None
    database_url: pulumi.Output[str] | None = None
    cache_url: pulumi.Output[str] | None = None


def secrets_from_engine() -> StackSecrets:
    """The secrets that the engine decrypted for this run, each wrapped as a secret before anything sees it."""
    config = pulumi.Config(PROJECT)
    return StackSecrets(
        model_hub_token=config.get_secret("model_hub_token"),
        database_url=config.get_secret("database_url"),
        cache_url=config.get_secret("cache_url"),
    )


def secrets_from_values(values: Mapping[str, str]) -> StackSecrets:
    """Secrets by their names, as `database_url`; to be called inside a running program, as all outputs are made there.

    Raises:
        TypeError: There is no secret of such a name.
    """
    return StackSecrets(**{name: pulumi.Output.secret(value) for name, value in values.items()})
