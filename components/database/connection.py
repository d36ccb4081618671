"""What every kind of database gives to its users."""

from dataclasses import dataclass

import pulumi

from infra.blueprint.names import DATABASE_PORT

DATABASE_NAME = "litellm"
USER_NAME = "litellm"
PASSWORD_LENGTH = 32


@dataclass(frozen=True)
class DatabaseConnection:
    """How to reach a PostgreSQL database, and when.

    Attributes:
        url: `postgresql://user:password@host:port/database`, secret.
        ready: What must exist before the URL answers.
    """

    url: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]


def postgresql_url(host: str, password: str, parameters: str = "") -> str:
    """The URL of the gateway's own database; the password must need no escaping.

    Args:
        host: Name or address, without a port.
        password: Letters and digits.
        parameters: A query, as `sslmode=require`.
    """
    query = f"?{parameters}" if parameters else ""
    return f"postgresql://{USER_NAME}:{password}@{host}:{DATABASE_PORT}/{DATABASE_NAME}{query}"
