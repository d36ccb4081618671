"""Databases outside the cluster: Cloud SQL, and one that somebody else runs."""

from typing import Any

from components.database import (
    CloudSqlDatabase,
    CloudSqlDatabaseArgs,
    ExternalDatabase,
    ExternalDatabaseArgs,
    PrivateServices,
    PrivateServicesArgs,
)
from components.shared.passwords import PASSWORD_INPUTS
from infra.blueprint.model import CloudSqlDatabasePart
from tests.unit.components.recording import Recording, Secret, record

OUTPUTS = {"gcp:sql/databaseInstance:DatabaseInstance": {"privateIpAddress": "10.1.2.3", "name": "instance-1"}}


def cloud_sql(highly_available: bool = True) -> Recording:
    def program() -> Any:
        network = "projects/p/global/networks/n"
        access = PrivateServices("services", PrivateServicesArgs("p", network))
        part = CloudSqlDatabasePart("db-custom-2-7680", highly_available)
        component = CloudSqlDatabase(
            "database", CloudSqlDatabaseArgs(part, "p", "europe-west4", network, access.connection)
        )
        return {"url": component.connection.url, "secret": component.connection.url.is_secret()}

    return record(program, OUTPUTS)


def test_cloud_sql_has_a_private_address_only_and_takes_tls_only() -> None:
    settings = cloud_sql().one("DatabaseInstance").inputs["settings"]

    assert settings["ipConfiguration"] == {
        "ipv4Enabled": False,
        "privateNetwork": "projects/p/global/networks/n",
        "sslMode": "ENCRYPTED_ONLY",
    }


def test_cloud_sql_cannot_be_deleted_by_accident_from_either_side() -> None:
    instance = cloud_sql().one("DatabaseInstance")

    assert instance.protect is True
    assert instance.inputs["deletionProtection"] is True
    assert instance.inputs["settings"]["deletionProtectionEnabled"] is True


def test_cloud_sql_s_password_stays_whatever_a_later_version_asks_for_and_is_protected_as_its_data_are() -> None:
    password = cloud_sql().one("RandomPassword")

    assert password.protect is True
    assert set(password.ignore_changes) == set(PASSWORD_INPUTS)


def test_cloud_sql_is_backed_up_and_can_go_back_to_any_second() -> None:
    backups = cloud_sql().one("DatabaseInstance").inputs["settings"]["backupConfiguration"]

    assert backups["enabled"] is True
    assert backups["pointInTimeRecoveryEnabled"] is True


def test_a_standby_is_a_choice() -> None:
    assert cloud_sql(True).one("DatabaseInstance").inputs["settings"]["availabilityType"] == "REGIONAL"
    assert cloud_sql(False).one("DatabaseInstance").inputs["settings"]["availabilityType"] == "ZONAL"


def test_cloud_sql_waits_for_the_network_s_way_to_it() -> None:
    recording = cloud_sql()

    assert recording.one("Connection").urn in recording.one("DatabaseInstance").dependencies


def test_what_lives_in_the_instance_goes_with_it() -> None:
    recording = cloud_sql()
    instance = recording.one("DatabaseInstance").urn

    assert {recording.one("User").deleted_with, recording.one("Database").deleted_with} == {instance}


def test_cloud_sql_s_url_is_secret_and_asks_for_tls() -> None:
    recording = cloud_sql()

    assert recording.returned["url"] == (
        "postgresql://litellm:generated-database-password@10.1.2.3:5432/litellm?sslmode=require"
    )
    assert recording.returned["secret"] is True
    assert recording.one("User").inputs["password"] == Secret("generated-database-password")


def test_an_external_url_becomes_secret_and_nothing_is_made() -> None:
    def program() -> Any:
        connection = ExternalDatabase("database", ExternalDatabaseArgs("postgresql://u:p@host/db")).connection
        return {"url": connection.url, "secret": connection.url.is_secret(), "ready": list(connection.ready)}

    recording = record(program)

    assert recording.returned == {"url": "postgresql://u:p@host/db", "secret": True, "ready": []}
    assert [resource.short_kind for resource in recording.resources] == ["ExternalDatabase"]
