"""A checkout in which the commands of pipelines run."""

import shutil
from pathlib import Path

import pytest

from tests.unit.ci.workflows import CHECKOUT, Runner, git
from tests.unit.preview.steps import RECORDED

PULUMI = """\
#!/usr/bin/env bash
echo "pulumi $*" >>"$STAND_INS/commands"
case " $* " in *" preview --json "*) cat "$STAND_INS/preview.json" ;; esac
"""
GH = """\
#!/usr/bin/env bash
echo "gh $*" >>"$STAND_INS/commands"
case "$*" in *viewerDidAuthor*) cat "$STAND_INS/comments" 2>/dev/null || true ;; esac
"""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A checkout whose branch changes `dev` since `origin/main`, with stand-ins for pulumi, gh and the bootstrap."""
    folder, beside = tmp_path / "checkout", tmp_path / "beside"
    for needed in (folder / "lab", folder / "policy", beside / "bin"):
        needed.mkdir(parents=True)
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "Pulumi.local.yaml"):
        shutil.copy(CHECKOUT / name, folder / name)
    shutil.copytree(CHECKOUT / ".ci", folder / ".ci")
    (folder / "lab" / "bootstrap.sh").write_text("bulkhead_bootstrap() { :; }\n")
    for name, text in {"pulumi": PULUMI, "gh": GH}.items():
        (beside / "bin" / name).write_text(text)
        (beside / "bin" / name).chmod(0o755)
    shutil.copy(RECORDED / "one-budget.json", beside / "preview.json")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "main")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    dev = folder / "Pulumi.dev.yaml"
    dev.write_text(dev.read_text().replace("usd: 500", "usd: 700"))
    git(folder, "commit", "--quiet", "--all", "--message", "change")
    context = {
        "github.base_ref": "main",
        "github.event.before": "origin/main",
        "github.event.pull_request.number": "7",
        "github.token": "the token of this run",
        "inputs.backend": "gs://example-state",
        "matrix.stack": "dev",
    }
    return Runner(folder, beside, context)
