"""The real Pulumi engine on the real cluster, with whatever plugins this machine offers."""

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cluster import Cluster, Kubectl
from lab.engine.plumbing import ENGINE_PROCESS
from lab.engine.runner import Captured, Engine, EngineError

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

PROGRAM = Path(__file__).with_name("engine_program.py")
STACK = "trial"
# An address that refuses at once: in the lab, looking up a name would outlast the test's patience.
MISSING_IMAGE = "127.0.0.1:9/none:1"


@dataclass(frozen=True)
class Project:
    """A small project of a test's own: its folder, its namespace, and the engine that deploys it."""

    folder: Path
    namespace: str
    engine: Engine

    def set(self, **values: str) -> None:
        """Set plain configuration values of the stack."""
        for key, value in values.items():
            self.engine.config_set(key, value, path=False)

    def unset(self, *keys: str) -> None:
        for key in keys:
            self.engine.capture("config", "rm", key)

    def run(self, *arguments: str) -> Captured:
        """Run a command that changes something, or fails to, and return what it printed."""
        return self.engine.capture(arguments[0], "--yes", "--skip-preview", *arguments[1:])

    def changes(self) -> dict[str, str]:
        """Resource name → operation that an update would do; unchanged resources are left out."""
        steps: list[dict[str, Any]] = self.engine.preview_json()["steps"]
        return {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}

    def state(self) -> str:
        """The engine's whole state as it lies on disk."""
        return "".join(path.read_text() for path in self.folder.glob("state/.pulumi/stacks/**/*.json"))


def make_project(folder: Path, namespace: str, cluster: Cluster) -> Project:
    shutil.copy(PROGRAM, folder / "__main__.py")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "trial", "runtime": "python"}))
    (folder / "state").mkdir(mode=0o700)
    overrides = {
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "KUBECONFIG": str(cluster.kubeconfig),
        "NO_COLOR": "1",
    }
    engine = Engine(folder, STACK, context=cluster.context, overrides=overrides)
    engine.stack_init_if_missing()
    project = Project(folder, namespace, engine)
    remove(project, cluster)
    project.set(namespace=namespace, context=cluster.context)
    return project


def remove(project: Project, cluster: Cluster) -> None:
    Kubectl(cluster.kubectl, cluster.kubeconfig).run(
        "delete", "namespace", project.namespace, "--ignore-not-found", "--wait=true", timeout=120
    )


@pytest.fixture(scope="module")
def deployed(lab_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    """The small program, deployed; a test that changes its configuration takes the change back."""
    project = make_project(tmp_path_factory.mktemp("deployed"), "engine-deployed", lab_cluster)
    try:
        done = project.run("up")
        assert done.status == 0, done.stdout
        yield project
    finally:
        remove(project, lab_cluster)


@pytest.fixture
def fresh(lab_cluster: Cluster, tmp_path: Path) -> Generator[Project]:
    """The small program, not deployed yet."""
    project = make_project(tmp_path, "engine-fresh", lab_cluster)
    try:
        yield project
    finally:
        remove(project, lab_cluster)


def live(kubectl: Kubectl, project: Project, *what: str) -> Any:
    return json.loads(kubectl.run("--namespace", project.namespace, "get", *what, "-o", "json"))


def test_an_update_makes_what_the_program_declares(deployed: Project, kubectl: Kubectl) -> None:
    assert live(kubectl, deployed, "deployment", "web")["status"]["availableReplicas"] == 1
    assert live(kubectl, deployed, "service", "web")["spec"]["clusterIP"] == deployed.engine.outputs()["address"]
    secret = live(kubectl, deployed, "secret", "database")["data"]["password"]
    assert base64.b64decode(secret).decode() == deployed.engine.outputs(show_secrets=True)["password"]


def test_the_same_update_again_changes_nothing(deployed: Project, kubectl: Kubectl) -> None:
    before = live(kubectl, deployed, "deployment", "web")["metadata"]["resourceVersion"]
    assert deployed.changes() == {}
    done = deployed.run("up", "--expect-no-changes")
    assert done.status == 0, done.stdout
    assert live(kubectl, deployed, "deployment", "web")["metadata"]["resourceVersion"] == before


def test_a_small_change_has_a_small_difference(deployed: Project) -> None:
    deployed.set(pods="30")
    try:
        preview = deployed.engine.preview_json()
    finally:
        deployed.unset("pods")
    changed = [step for step in preview["steps"] if step["op"] != "same"]
    assert [(step["op"], list(step["detailedDiff"])) for step in changed] == [("update", ["spec.hard.pods"])]


def test_changed_settings_are_a_new_object_and_roll_the_pods_that_read_it(deployed: Project) -> None:
    deployed.set(mode="other")
    try:
        changes = deployed.changes()
    finally:
        deployed.unset("mode")
    assert changes == {"settings": "replace", "fixed": "replace", "web": "update"}


def test_a_refusal_by_admission_is_readable_in_the_preview_already(deployed: Project) -> None:
    deployed.set(bare="true")
    try:
        done = deployed.engine.capture("preview")
    finally:
        deployed.unset("bare")
    assert done.status != 0
    assert 'violates PodSecurity "restricted:latest"' in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_programs_own_refusal_is_one_message_and_changes_nothing(deployed: Project) -> None:
    before = deployed.state()
    deployed.set(refuse="the posture lacks SR1")
    try:
        done = deployed.run("up")
    finally:
        deployed.unset("refuse")
    assert done.status != 0
    assert (done.stdout + done.stderr).count("error: the posture lacks SR1") >= 1
    assert "Traceback" not in done.stdout + done.stderr
    assert _resources(deployed.state()) == _resources(before)


def _resources(state: str) -> list[str]:
    found: list[dict[str, Any]] = json.loads(state)["checkpoint"]["latest"]["resources"]
    return [resource["urn"] for resource in found]


def test_a_refresh_finds_drift_and_nothing_else(deployed: Project, kubectl: Kubectl) -> None:
    patch = '{"spec":{"hard":{"pods":"19"}}}'
    kubectl.run("--namespace", deployed.namespace, "patch", "resourcequota", "quota", "--type=merge", "-p", patch)
    try:
        done = deployed.engine.capture("preview", "--refresh", "--json")
    finally:
        back = patch.replace("19", "20")
        kubectl.run("--namespace", deployed.namespace, "patch", "resourcequota", "quota", "--type=merge", "-p", back)
    changed = [step["urn"].rpartition("::")[2] for step in json.loads(done.stdout)["steps"] if step["op"] == "update"]
    assert set(changed) == {"quota"}


def test_a_secret_is_nowhere_in_the_clear(deployed: Project) -> None:
    password = deployed.engine.outputs(show_secrets=True)["password"]
    deployed.set(mode="other")
    try:
        previewed = deployed.engine.capture("preview", "--diff")
        as_json = deployed.engine.capture("preview", "--json")
    finally:
        deployed.unset("mode")
    encoded = base64.b64encode(password.encode()).decode()
    shown = previewed.stdout + previewed.stderr + as_json.stdout + as_json.stderr
    for hidden in (password, encoded):
        assert hidden not in shown
        assert hidden not in deployed.state()
        assert json.dumps(hidden)[1:-1] not in deployed.state()


def test_a_deployment_that_cannot_start_says_why_stays_in_the_state_and_is_mended(fresh: Project) -> None:
    fresh.set(image=MISSING_IMAGE, patience="30s")
    failed = fresh.run("up")
    assert failed.status != 0
    assert "exists but is not ready" in failed.stdout
    assert "ErrImagePull" in failed.stdout or "ImagePullBackOff" in failed.stdout
    assert "::web" in fresh.state()
    fresh.unset("image", "patience")
    mended = fresh.run("up")
    assert mended.status == 0, mended.stdout


def test_destroy_leaves_nothing(fresh: Project, kubectl: Kubectl) -> None:
    done = fresh.run("up")
    assert done.status == 0, done.stdout
    destroyed = fresh.run("destroy")
    assert destroyed.status == 0, destroyed.stdout
    assert kubectl.run("get", "namespace", fresh.namespace, "--ignore-not-found") == ""
    assert _resources_left(fresh) == []


def _resources_left(project: Project) -> list[str]:
    return _resources(project.state()) if '"resources"' in project.state() else []


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_update_recovers(fresh: Project, kubectl: Kubectl, with_signal: signal.Signals) -> None:
    fresh.set(image=MISSING_IMAGE)
    command = [str(fresh.engine.choice.cli.path), "up", "--stack", STACK, "--yes", "--skip-preview"]
    with subprocess.Popen(
        [*command, "--non-interactive"],
        cwd=fresh.folder,
        env=fresh.engine.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            _wait_for(lambda: _exists(kubectl, fresh, "deployment", "web"))
            running.send_signal(with_signal)
            running.wait(60)
        finally:
            running.kill()
    _wait_for(lambda: not _plugins_of(running.pid))
    fresh.unset("image")
    fresh.engine.up()
    assert "pending_operations" not in fresh.state()
    assert live(kubectl, fresh, "deployment", "web")["status"]["availableReplicas"] == 1
    assert fresh.changes() == {}


def _exists(kubectl: Kubectl, project: Project, *what: str) -> bool:
    return kubectl.run("--namespace", project.namespace, "get", *what, "--ignore-not-found") != ""


def _wait_for(met: Any, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "not met in time"
        time.sleep(0.3)


def _plugins_of(engine: int) -> list[int]:
    """The processes that a launcher started for this engine."""
    mark = f"{ENGINE_PROCESS}={engine}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_an_unreachable_cluster_is_one_clear_error(fresh: Project, tmp_path: Path) -> None:
    broken = tmp_path / "broken.kubeconfig"
    configuration = yaml.safe_load(Path(fresh.engine.environment["KUBECONFIG"]).read_text())
    for cluster in configuration["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:9"
    broken.write_text(yaml.safe_dump(configuration))
    broken.chmod(0o600)
    context = configuration["current-context"]
    engine = Engine(
        fresh.folder, STACK, context=context, overrides={**fresh.engine.environment, "KUBECONFIG": str(broken)}
    )
    with pytest.raises(EngineError, match=r"unreachable: https://127\.0\.0\.1:9 does not answer: Connection refused"):
        engine.up()


def test_a_wrong_context_is_one_clear_error(fresh: Project) -> None:
    engine = Engine(fresh.folder, STACK, context="nowhere", overrides=fresh.engine.environment)
    with pytest.raises(EngineError, match='no context "nowhere"; it has: '):
        engine.preview()
