"""PostgreSQL beside the gateway keeps what it was given, whatever happens to its pod."""

from typing import Any

from components.database import InClusterDatabase, InClusterDatabaseArgs
from components.shared.passwords import PASSWORD_INPUTS
from infra.blueprint.model import InClusterDatabasePart
from tests.unit.components.recording import Recording, Secret, record, strings


def database(*, protected: bool = False) -> Recording:
    def program() -> Any:
        part = InClusterDatabasePart("registry.example.com/postgres:15", "10Gi", protected)
        component = InClusterDatabase("database", InClusterDatabaseArgs(part, "gateway"))
        connection = component.connection
        return {
            "url": connection.url,
            "secret": connection.url.is_secret(),
            "ready": [resource.urn for resource in connection.ready],
        }

    return record(program)


def pod(recording: Recording) -> dict[str, Any]:
    return recording.one("StatefulSet").inputs["spec"]["template"]["spec"]


def container(recording: Recording) -> dict[str, Any]:
    (only,) = pod(recording)["containers"]
    return only


def test_the_url_is_secret_and_names_the_service() -> None:
    recording = database()

    assert recording.returned["url"] == (
        "postgresql://litellm:generated-database-password@database.gateway.svc.cluster.local:5432/litellm"
    )
    assert recording.returned["secret"] is True


def test_users_wait_for_the_service_and_the_server() -> None:
    recording = database()

    assert recording.returned["ready"] == [recording.one("Service").urn, recording.one("StatefulSet").urn]


def test_data_lie_on_a_volume_that_outlives_pod_and_set() -> None:
    spec = database().one("StatefulSet").inputs["spec"]
    (claim,) = spec["volumeClaimTemplates"]

    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_protected_database_keeps_its_set_and_its_password() -> None:
    assert {resource.name for resource in database(protected=True).resources if resource.protect} == {
        "database-password",
        "database-stateful-set",
    }
    assert not [resource.name for resource in database().resources if resource.protect]


def test_data_lie_in_a_folder_below_the_volume() -> None:
    recording = database()
    variables = {item["name"]: item.get("value") for item in container(recording)["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container(recording)["volumeMounts"]}

    assert variables["PGDATA"] == f"{mounts['data']}/pgdata"


def test_a_remount_leaves_the_data_folder_s_mode_alone() -> None:
    context = pod(database())["securityContext"]

    assert context["fsGroupChangePolicy"] == "OnRootMismatch"
    assert context["fsGroup"] == context["runAsUser"]
    assert context["runAsNonRoot"] is True


def test_only_tcp_counts_as_ready() -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert "pg_isready --host=127.0.0.1" in " ".join(container(database())[probe]["exec"]["command"])


def test_the_server_stops_before_its_disk_is_full_and_waits_for_room() -> None:
    found = container(database())
    room = "df --output=avail --block-size=1M /var/lib/postgresql/data"

    assert found["command"][:2] == ["bash", "-c"]
    assert room in found["command"][2]
    assert 'exec docker-entrypoint.sh "$@"' in found["command"][2]
    assert room in found["livenessProbe"]["exec"]["command"][2]
    assert room not in " ".join(found["readinessProbe"]["exec"]["command"])


def test_a_pod_that_ends_does_not_wait_for_the_gateway_to_close_its_connections() -> None:
    assert "kill -INT 1" in container(database())["lifecycle"]["preStop"]["exec"]["command"][2]


def test_the_server_listens_where_the_service_reaches_it() -> None:
    assert container(database())["args"][:3] == ["postgres", "-c", "listen_addresses=*"]


def test_the_password_is_generated_once_and_shown_nowhere() -> None:
    recording = database()
    shown = " ".join(text for resource in recording.resources for text in strings(resource.inputs))

    assert recording.one("Secret").inputs["stringData"] == Secret({"password": "generated-database-password"})
    assert set(recording.one("RandomPassword").ignore_changes) == set(PASSWORD_INPUTS)
    assert "generated-database-password" not in shown


def test_the_pod_fits_pod_security_restricted_with_a_read_only_root() -> None:
    recording = database()

    assert container(recording)["securityContext"]["readOnlyRootFilesystem"] is True
    assert container(recording)["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod(recording)["automountServiceAccountToken"] is False
    assert pod(recording)["enableServiceLinks"] is False
