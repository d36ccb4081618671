"""The lab's own images answer as the official ones do, in pods as strict as the platform's."""

import json
import re
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from lab import cluster
from lab.cluster import Kubectl
from lab.errors import LabError
from lab.images import IMAGES, ImageName, ensure_images

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

Document = dict[str, Any]

NAMESPACE = "serving-images"
USER = 34567  # not the platform's: the images know no user by its number
MIGRATIONS = "/opt/venv/lib/python3.11/site-packages/litellm_proxy_extras"
WRITABLE = {
    ImageName.POSTGRES: ("/tmp", "/var/run/postgresql", "/var/lib/postgresql/data"),  # noqa: S108 - in a pod
    ImageName.REDIS: ("/tmp",),  # noqa: S108 - in a pod
    ImageName.LITELLM: ("/tmp",),  # noqa: S108 - in a pod
}


def strict_pod(name: str, image: ImageName, environment: dict[str, str], **container: Any) -> Document:
    volumes: list[Document] = [{"name": f"writable-{i}", "emptyDir": {}} for i in range(len(WRITABLE[image]))]
    mounts = [{"name": f"writable-{i}", "mountPath": path} for i, path in enumerate(WRITABLE[image])]
    main = {
        "name": "main",
        "image": IMAGES[image].reference,
        "imagePullPolicy": "Never",
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
        # Without a request a pod gets next to no processor beside pods that have one.
        "resources": {"requests": {"cpu": "200m"}},
        **container,
    }
    security = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "securityContext": {**security, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [main],
            "volumes": volumes,
        },
    }


class Pods:
    """The test namespace's pods."""

    def __init__(self, kubectl: Kubectl, password: str) -> None:
        self.kubectl = kubectl
        self.password = password
        self.database_address = ""

    def start(self, pod: Document) -> str:
        self.kubectl.run("-n", NAMESPACE, "apply", "-f", "-", given=json.dumps(pod))
        return pod["metadata"]["name"]

    def ready(self, name: str) -> str:
        self.kubectl.run("-n", NAMESPACE, "wait", f"pod/{name}", "--for=condition=Ready", "--timeout=120s", timeout=150)
        return self.kubectl.run("-n", NAMESPACE, "get", "pod", name, "-o", "jsonpath={.status.podIP}")

    def ended(self, name: str) -> tuple[int, str]:
        """The exit code of a pod that ends, and what it printed."""
        done = "jsonpath={.status.containerStatuses[0].state.terminated.reason}"
        self.kubectl.run("-n", NAMESPACE, "wait", f"pod/{name}", f"--for={done}", "--timeout=400s", timeout=420)
        code = done.replace("reason", "exitCode").removeprefix("jsonpath=")
        text = self.kubectl.run("-n", NAMESPACE, "get", "pod", name, "-o", f"jsonpath={code}")
        return int(text), self.kubectl.run("-n", NAMESPACE, "logs", name)

    def execute(self, name: str, *command: str) -> str:
        return self.kubectl.run("-n", NAMESPACE, "exec", name, "--", *command).strip()

    def query(self, database: str, sql: str) -> str:
        return self.execute("postgres", "psql", "-h", "127.0.0.1", "-U", "owner", "-d", database, "-Atc", sql)

    def migrate(
        self, name: str, database: str, *command: str, password: str | None = None, folder: str = MIGRATIONS
    ) -> str:
        address = f"postgresql://owner:{password or self.password}@{self.database_address}:5432/{database}"
        environment = {
            "DATABASE_URL": address,
            "HOME": "/tmp",  # noqa: S108 - in a pod
            "USER": "litellm",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        arguments = command or ("prisma", "migrate", "deploy")
        return self.start(strict_pod(name, ImageName.LITELLM, environment, command=list(arguments), workingDir=folder))


@pytest.fixture(scope="module")
def pods(lab_cluster: cluster.Cluster) -> Generator[Pods]:
    kubectl = Kubectl(lab_cluster.kubectl, lab_cluster.kubeconfig)
    for reference, archive in ensure_images(list(WRITABLE), print).items():
        cluster.import_image(archive, reference, print)
    kubectl.run("create", "namespace", NAMESPACE)
    kubectl.run("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    found = Pods(kubectl, secrets.token_hex(16))
    environment = {
        "POSTGRES_USER": "owner",
        "POSTGRES_DB": "first",
        "POSTGRES_PASSWORD": found.password,
        "PGDATA": "/var/lib/postgresql/data/pgdata",
        "PGPASSWORD": found.password,
    }
    probe = {"exec": {"command": ["pg_isready", "-h", "127.0.0.1", "-U", "owner", "-d", "first"]}, "periodSeconds": 1}
    arguments = ["postgres", "-c", "max_connections=40"]
    try:
        found.start(strict_pod("postgres", ImageName.POSTGRES, environment, args=arguments, readinessProbe=probe))
        found.database_address = found.ready("postgres")
        yield found
    finally:
        kubectl.run("delete", "namespace", NAMESPACE, "--wait=true", timeout=180)


def test_postgres_runs_as_any_user_and_obeys_the_official_images_variables(pods: Pods) -> None:
    assert pods.execute("postgres", "id", "-u") == str(USER)
    assert pods.query("first", "select current_user, current_database()") == "owner|first"
    assert pods.query("first", "show max_connections") == "40"
    assert pods.query("first", "show data_directory") == "/var/lib/postgresql/data/pgdata"
    assert pods.query("first", "show server_version").startswith("15.")


def test_postgres_asks_other_pods_for_the_password(pods: Pods) -> None:
    url = f"postgresql://owner:{{}}@{pods.database_address}/first"
    assert pods.execute("postgres", "psql", url.format(pods.password), "-Atc", "select 1") == "1"
    with pytest.raises(LabError, match="password authentication failed"):
        pods.execute("postgres", "psql", url.format("wrong"), "-Atc", "select 1")


def test_redis_answers_with_the_official_images_arguments(pods: Pods) -> None:
    arguments = ["redis-server", "--save", "", "--dir", "/tmp", "--requirepass", pods.password]  # noqa: S108 - in a pod
    probe = {"tcpSocket": {"port": 6379}, "periodSeconds": 1}
    pods.start(strict_pod("redis", ImageName.REDIS, {}, args=arguments, readinessProbe=probe))
    pods.ready("redis")

    assert "NOAUTH" in pods.execute("redis", "redis-cli", "ping")
    assert pods.execute("redis", "redis-cli", "--no-auth-warning", "-a", pods.password, "ping") == "PONG"
    assert re.search(r"redis_version:7\.0\.", pods.execute("redis", "redis-cli", "-a", pods.password, "info", "server"))


def test_a_migration_that_was_applied_is_not_applied_again(pods: Pods) -> None:
    pods.ended(pods.migrate("first-time", "again"))
    before = pods.query("again", "select count(*), max(finished_at) from _prisma_migrations")

    code, printed = pods.ended(pods.migrate("second-time", "again"))

    assert (code, "No pending migrations to apply" in printed) == (0, True)
    assert pods.query("again", "select count(*), max(finished_at) from _prisma_migrations") == before


def test_a_database_that_refuses_the_password_fails_the_migration_in_prismas_words(pods: Pods) -> None:
    code, printed = pods.ended(pods.migrate("wrong-password", "first", password="wrong"))  # noqa: S106 - is refused

    assert code == 1
    assert "P1000: Authentication failed" in printed


def test_a_database_with_tables_of_another_program_is_left_alone(pods: Pods) -> None:
    pods.query("postgres", "create database strange")
    pods.query("strange", "create table theirs (number int)")

    code, printed = pods.ended(pods.migrate("strange", "strange"))

    assert (code, "P3005" in printed) == (1, True)
    assert pods.query("strange", "select tablename from pg_tables where schemaname = 'public'") == "theirs"


def test_a_migration_that_fails_is_recorded_and_stops_those_after_it_until_it_is_resolved(pods: Pods) -> None:
    script = Path(__file__).with_name("failing_migration.sh").read_text()
    command = ("sh", "-euc", script)

    code, printed = pods.ended(pods.migrate("failing", "failing", *command, folder="/tmp"))  # noqa: S108 - in a pod

    assert code == 0, printed
    history = "select migration_name, finished_at is not null, rolled_back_at is not null from _prisma_migrations"
    assert pods.query("failing", f"{history} order by started_at").splitlines() == [
        "20260101000000_sound|t|f",
        "20260102000000_failing|f|t",
        "20260102000000_failing|t|f",
        "20260103000000_outside_a_transaction|t|f",
    ]
    assert "P3018" in printed
    assert 'relation "nowhere" does not exist' in printed
    assert "P3009" in printed


def test_each_image_says_that_the_lab_built_it(pods: Pods) -> None:
    record = json.loads(pods.execute("postgres", "cat", "/etc/bulkhead-lab-image"))

    assert record["built_by"] == "Bulkhead's lab"
    assert record["stands_in_for"] == IMAGES[ImageName.POSTGRES].reference
    assert record["debian_packages"]["postgresql-15"].startswith("15.")
