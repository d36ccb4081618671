"""A PostgreSQL run by somebody else."""

from dataclasses import dataclass

import pulumi

from components.database.connection import DatabaseConnection


@dataclass(frozen=True)
class ExternalDatabaseArgs:
    """The database's URL, `postgresql://user:password@host:port/database`; kept secret whatever it comes from."""

    url: pulumi.Input[str]


class ExternalDatabase(pulumi.ComponentResource):
    """A database that this stack uses and does not make.

    Attributes:
        connection: The URL, and nothing to wait for.
    """

    connection: DatabaseConnection

    def __init__(self, name: str, args: ExternalDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:database:ExternalDatabase", name, None, opts)
        self.connection = DatabaseConnection(pulumi.Output.secret(args.url), ())
        self.register_outputs({"url": self.connection.url})
