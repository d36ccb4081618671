"""A project folder with stack files, and the command line run in it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.cli.main import cli

SOUND = """
config:
  bulkhead:trust: {tier: trusted}
  bulkhead:cluster: {kind: existing, context: test, enforces_network_policy: true}
  bulkhead:pools:
    - {name: cpu, accelerator: cpu, nodes: {max: 1}}
  bulkhead:models:
    - name: small
      source: /models/tiny
      pool: cpu
      price: {input_usd_per_million_tokens: 1, output_usd_per_million_tokens: 1}
  bulkhead:tenants:
    - {name: one, models: [small], budget: {usd: 5}}
"""
UNSOUND = SOUND + "    - {name: two, models: [small], budget: {usd: 5}}\n"
INVALID = SOUND.replace("tier: trusted", "tier: paranoid")
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:9"}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
users: [{name: test, user: {token: nothing}}]
"""

Bulkhead = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the stacks `local` (sound), `unsound` and `invalid`; it is the working folder."""
    (tmp_path / "Pulumi.yaml").write_text("name: bulkhead\nruntime: python\n")
    for stack, text in {"local": SOUND, "unsound": UNSOUND, "invalid": INVALID}.items():
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    return tmp_path


@pytest.fixture
def kubeconfig(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig with the context `test`, of a cluster that does not answer."""
    path = project / "kubeconfig"
    path.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def bulkhead() -> Bulkhead:
    """Run `bulkhead ARGUMENTS` in this process."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments), prog_name="bulkhead")

    return run


def stand_in_for_pulumi(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a shell script in pulumi's place; the folder that this gives is `$STAND_INS` to the script."""
    place = folder / "stand-ins"
    place.mkdir()
    (place / "pulumi").write_text(script)
    (place / "pulumi").chmod(0o755)
    monkeypatch.setenv("STAND_INS", str(place))
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    return place
