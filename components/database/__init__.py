"""PostgreSQL for the gateway: in the cluster, by Cloud SQL, or run by somebody else."""

from components.database.cloud_sql import CloudSqlDatabase, CloudSqlDatabaseArgs
from components.database.connection import DatabaseConnection
from components.database.external import ExternalDatabase, ExternalDatabaseArgs
from components.database.in_cluster import InClusterDatabase, InClusterDatabaseArgs
from components.database.private_services import PrivateServices, PrivateServicesArgs

__all__ = [
    "CloudSqlDatabase",
    "CloudSqlDatabaseArgs",
    "DatabaseConnection",
    "ExternalDatabase",
    "ExternalDatabaseArgs",
    "InClusterDatabase",
    "InClusterDatabaseArgs",
    "PrivateServices",
    "PrivateServicesArgs",
]
