"""Cloud SQL for PostgreSQL."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.database.connection import (
    DATABASE_NAME,
    PASSWORD_LENGTH,
    USER_NAME,
    DatabaseConnection,
    postgresql_url,
)
from components.shared.passwords import stable_password
from infra.blueprint.model import CloudSqlDatabasePart

if TYPE_CHECKING:
    import pulumi_gcp as gcp

VERSION = "POSTGRES_15"
BACKUPS_KEPT = 14
LOG_DAYS = 7
"""Days back to any second of which the database can be restored; the most that this edition of Cloud SQL offers."""


@dataclass(frozen=True)
class CloudSqlDatabaseArgs:
    """Where the instance lives, and in which network it has its only address.

    Attributes:
        part: Its size, and whether a standby takes over.
        project: The Google Cloud project.
        region: The region, as `europe-west4`.
        network: The VPC's self link or id.
        private_services: The network's private services access, which the instance has to wait for.
    """

    part: CloudSqlDatabasePart
    project: str
    region: str
    network: pulumi.Input[str]
    private_services: pulumi.Resource


class CloudSqlDatabase(pulumi.ComponentResource):
    """An instance with a private address only, TLS only, backups, and two locks against deletion.

    The instance holds every key, budget and spend record: Pulumi refuses to delete it (`protect`), and so does Cloud
    SQL itself (`deletion_protection`), whoever asks. Its password is protected as it is.

    Attributes:
        connection: How the gateway reaches its database.
    """

    connection: DatabaseConnection

    def __init__(self, name: str, args: CloudSqlDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        from pulumi_gcp import sql  # noqa: PLC0415 - only stacks on GKE load it

        super().__init__("bulkhead:database:CloudSqlDatabase", name, None, opts)
        instance = self._make_instance(name, args)
        inside = pulumi.ResourceOptions(parent=self, deleted_with=instance)
        database = sql.Database(
            f"{name}-database", project=args.project, instance=instance.name, name=DATABASE_NAME, opts=inside
        )
        # Another one would be the user's before the gateway's replicas know it; it goes with the instance alone.
        password = stable_password(f"{name}-password", PASSWORD_LENGTH, self, protected=True)
        user = sql.User(
            f"{name}-user",
            project=args.project,
            instance=instance.name,
            name=USER_NAME,
            password=password,
            opts=inside,
        )
        url = pulumi.Output.all(instance.private_ip_address, password).apply(
            lambda values: postgresql_url(values[0], values[1], "sslmode=require")
        )
        self.connection = DatabaseConnection(pulumi.Output.secret(url), (instance, database, user))
        self.register_outputs({"url": self.connection.url})

    def _make_instance(self, name: str, args: CloudSqlDatabaseArgs) -> "gcp.sql.DatabaseInstance":
        from pulumi_gcp import sql  # noqa: PLC0415 - only stacks on GKE load it

        return sql.DatabaseInstance(
            f"{name}-instance",
            project=args.project,
            region=args.region,
            database_version=VERSION,
            deletion_protection=True,
            settings={
                "tier": args.part.machine_tier,
                "edition": "ENTERPRISE",
                "availability_type": "REGIONAL" if args.part.highly_available else "ZONAL",
                "deletion_protection_enabled": True,
                "disk_autoresize": True,
                "backup_configuration": {
                    "enabled": True,
                    "point_in_time_recovery_enabled": True,
                    "transaction_log_retention_days": LOG_DAYS,
                    "backup_retention_settings": {"retained_backups": BACKUPS_KEPT, "retention_unit": "COUNT"},
                },
                "ip_configuration": {
                    "ipv4_enabled": False,
                    "private_network": args.network,
                    "ssl_mode": "ENCRYPTED_ONLY",
                },
                "insights_config": {"query_insights_enabled": True},
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=True,
                depends_on=[args.private_services],
                # The disk grows by itself; a later update must not ask for the smaller one back.
                ignore_changes=["settings.diskSize"],
            ),
        )
