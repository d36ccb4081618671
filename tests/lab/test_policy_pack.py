"""The policy pack in the real engine: the program passes, and a hand-written resource that weakens it is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.engine.discover import EngineMissing
from lab.engine.runner import Engine
from tests.fixtures.cluster_free import CHECKOUT, engine_without_cluster
from tests.fixtures.record_previews import lay_charts

pytestmark = pytest.mark.lab

PLATFORM = """
from infra.program import run

run()
"""
BESIDE = """
import pulumi_kubernetes as kubernetes

kubernetes.core.v1.Service("web", metadata={"name": "web", "namespace": "web"}, spec={"type": "NodePort"})
kubernetes.core.v1.ConfigMap("note", metadata={"name": "note", "namespace": "bulkhead-gateway"}, data={"a": "b"})
kubernetes.core.v1.Pod(
    "latest",
    metadata={"name": "latest", "namespace": "web"},
    spec={"containers": [{"name": "main", "image": "example/image:latest"}]},
)
kubernetes.apiextensions.CustomResource(
    "queue", api_version="kueue.x-k8s.io/v1beta2", kind="ClusterQueue", metadata={"name": "web"}, spec={}
)
"""
REFUSALS = (
    "a Service of type NodePort is reached from outside the cluster",
    "ConfigMap bulkhead-gateway/note weakens AC1, AC2",
    "the image example/image:latest has the tag latest",
    "ClusterQueue web weakens AC3",
)
"""One of each kind of rule: on a field, on a place, on what lies in lists, and on an object of another group."""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy pack in a copy of the project, with the environment that `pulumi install` would make."""
    project = tmp_path_factory.mktemp("pack")
    for name in ("policy", "infra", "components"):
        shutil.copytree(CHECKOUT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "venv"))
    shutil.copy(CHECKOUT / "Pulumi.local.yaml", project)
    uv, environment = Path(sys.executable).with_name("uv"), project / "policy" / "venv"
    subprocess.run([uv, "--quiet", "venv", environment], check=True, timeout=120)
    install = [uv, "--quiet", "pip", "install", "--python", environment / "bin" / "python", "--require-hashes"]
    subprocess.run([*install, "-r", project / "policy" / "requirements.txt"], check=True, timeout=600)
    return project / "policy"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine with a project of its own, and no cluster behind it."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: bulkhead\nruntime: python\n")
    shutil.copy(CHECKOUT / "Pulumi.local.yaml", project)
    lay_charts(project)
    try:
        made = engine_without_cluster(project, "local")
    except EngineMissing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    made.stack_init_if_missing()
    return made


@pytest.mark.timeout(900)
def test_the_program_passes_and_what_weakens_it_beside_it_fails_the_preview(engine: Engine, pack: Path) -> None:
    program = engine.project_directory / "__main__.py"
    program.write_text(PLATFORM)
    passed = engine.capture("preview", "--policy-pack", str(pack))
    program.write_text(PLATFORM + BESIDE)
    refused = engine.capture("preview", "--policy-pack", str(pack))

    assert passed.status == 0, passed.stdout + passed.stderr
    assert "bulkhead@" in passed.stdout
    assert refused.status != 0
    assert [told for told in REFUSALS if told not in refused.stdout] == []


@pytest.mark.timeout(600)
def test_a_stack_without_what_its_posture_names_fails_the_preview(engine: Engine, pack: Path) -> None:
    (engine.project_directory / "__main__.py").write_text("import pulumi\n")
    refused = engine.capture("preview", "--policy-pack", str(pack))

    assert refused.status != 0
    assert "ClusterQueue/tenant-research is not among its resources, and AC3 rests on it" in refused.stdout
