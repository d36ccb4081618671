"""The policy pack in the real engine: a hand-written resource that weakens a control fails the preview."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.engine.discover import EngineMissing
from lab.engine.runner import Engine
from tests.fixtures.cluster_free import CHECKOUT, engine_without_cluster

pytestmark = pytest.mark.lab

PROGRAM = """
import pulumi_kubernetes as kubernetes

kubernetes.core.v1.Service("web", metadata={{"name": "web", "namespace": "web"}}, spec={{"type": "{service}"}})
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy pack in a copy of the project, with the environment that `pulumi install` would make."""
    project = tmp_path_factory.mktemp("pack")
    for name in ("policy", "infra"):
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
    try:
        made = engine_without_cluster(project, "local")
    except EngineMissing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    made.stack_init_if_missing()
    return made


@pytest.mark.timeout(600)
def test_a_service_past_the_gateway_fails_the_preview_and_one_inside_passes(engine: Engine, pack: Path) -> None:
    program = engine.project_directory / "__main__.py"
    program.write_text(PROGRAM.format(service="NodePort"))
    refused = engine.capture("preview", "--policy-pack", str(pack))
    program.write_text(PROGRAM.format(service="ClusterIP"))
    passed = engine.capture("preview", "--policy-pack", str(pack))

    assert refused.status != 0
    assert "no-open-service" in refused.stdout
    assert "a Service of type NodePort is reached from outside the cluster" in refused.stdout
    assert passed.status == 0, passed.stdout + passed.stderr
    assert "bulkhead@" in passed.stdout
