"""GitLab's jobs as the how-to shows them: prepared as GitHub's are, and their commands run here."""

import shutil
import textwrap
from typing import Any

import pytest
import yaml

from tests.unit.ci.workflows import ACTIONS, CHECKOUT, Document, Runner, commands, git, steps_of
from tests.unit.preview.steps import RECORDED

PAGE = CHECKOUT / "docs" / "how-to" / "review-a-change.md"
JOBS = ("preview", "deploy", "drift")
GCLOUD = """\
#!/usr/bin/env bash
echo "gcloud $*" >>"$STAND_INS/commands"
"""
GLAB = """\
#!/usr/bin/env bash
case "$*" in
  *--method*) echo "glab $*" >>"$STAND_INS/commands" ;;
  "api user") echo '{"id": 5}' ;;
  *) echo '[]' ;;
esac
"""
VARIABLES = {
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_PROJECT_ID": "42",
    "DEPLOY_SERVICE_ACCOUNT": "deploy@example.com",
    "GCP_TOKEN": "a token of this run",
    "PREVIEW_SERVICE_ACCOUNT": "preview@example.com",
    "PULUMI_BACKEND_URL": "gs://example-state",
    "STACK": "dev",
    "WORKLOAD_IDENTITY_PROVIDER": "pools/ci/providers/gitlab",
}


def pipeline() -> dict[str, Document]:
    """The jobs, each with what it extends laid under it as GitLab does."""
    section = PAGE.read_text(encoding="utf-8").partition("## On GitLab\n")[2].partition("\n## ")[0]
    block = "\n".join(line for line in section.splitlines() if line.startswith("    ") or not line)
    found: dict[str, Document] = yaml.safe_load(textwrap.dedent(block))
    return {name: _extended(job, found) for name, job in found.items() if not name.startswith(".")}


def _extended(job: Document, every: dict[str, Document]) -> Document:
    base: Document = every.get(str(job.get("extends")), {})
    return {**base, **job, "variables": {**base.get("variables", {}), **job.get("variables", {})}}


def run(runner: Runner, name: str) -> Any:
    """What one shell makes of a job's commands, as GitLab's runner has them: one after the other, up to a failure."""
    job = pipeline()[name]
    account = str(job["variables"]["SERVICE_ACCOUNT"]).removeprefix("$")
    lines = [*job["before_script"], *job["script"]]
    return runner.run({"run": "\n".join(lines), "env": {**VARIABLES, "SERVICE_ACCOUNT": VARIABLES[account]}})


@pytest.fixture
def merge_request(runner: Runner) -> Runner:
    """The checkout of a merge request, with a remote to fetch from and stand-ins for GitLab's and Google's programs."""
    for name, text in {"gcloud": GCLOUD, "glab": GLAB}.items():
        (runner.beside / "bin" / name).write_text(text)
        (runner.beside / "bin" / name).chmod(0o755)
    git(runner.folder, "init", "--quiet", "--bare", str(runner.beside / "origin.git"))
    git(runner.folder, "remote", "add", "origin", str(runner.beside / "origin.git"))
    git(runner.folder, "push", "--quiet", "origin", "refs/remotes/origin/main:refs/heads/main")
    return runner


def test_every_job_is_there() -> None:
    assert tuple(pipeline()) == JOBS


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_prepared_as_githubs_are(merge_request: Runner, name: str) -> None:
    done = run(merge_request, name)

    assert done.returncode == 0, done.stderr
    account = "deploy" if name == "deploy" else "preview"
    configuration, login, state = commands(merge_request)[:3]
    assert configuration.startswith(
        "gcloud iam workload-identity-pools create-cred-config pools/ci/providers/gitlab"
        f" --service-account {account}@example.com --credential-source-file {merge_request.folder}/.token"
    )
    assert login.startswith("gcloud auth login --quiet --cred-file")
    assert state == "pulumi login gs://example-state"
    assert (merge_request.folder / ".token").stat().st_mode & 0o077 == 0


def test_the_image_names_the_engine_that_github_installs() -> None:
    (version,) = [step["with"]["pulumi-version"] for step in steps_of(ACTIONS[0]) if "pulumi" in str(step.get("uses"))]

    assert f"Pulumi {version}," in PAGE.read_text(encoding="utf-8").partition("## On GitLab\n")[2]


def test_a_preview_becomes_a_note(merge_request: Runner) -> None:
    done = run(merge_request, "preview")

    assert done.returncode == 0, done.stderr
    assert commands(merge_request)[3:] == [
        "pulumi preview --json --non-interactive --stack dev",
        "glab api --method POST projects/42/merge_requests/7/notes --field body=@comment.md --silent",
    ]
    assert (merge_request.folder / "comment.md").read_text().startswith("<!-- bulkhead preview: dev -->\n")


def test_a_change_that_would_be_refused_is_noted_and_then_fails(merge_request: Runner) -> None:
    shutil.copy(RECORDED / "refused.json", merge_request.beside / "preview.json")

    assert run(merge_request, "preview").returncode == 3
    assert "--method POST" in commands(merge_request)[-1]


def test_where_the_affected_stacks_cannot_be_told_the_job_fails(merge_request: Runner) -> None:
    (merge_request.folder / "Pulumi.yaml").unlink()

    assert run(merge_request, "preview").returncode != 0
    assert not [line for line in commands(merge_request) if line.startswith("glab")]


def test_a_stack_file_that_is_invalid_is_noted_and_then_fails(merge_request: Runner) -> None:
    (merge_request.folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    git(merge_request.folder, "commit", "--quiet", "--all", "--message", "invalid")

    assert run(merge_request, "preview").returncode == 2
    assert "--method POST" in commands(merge_request)[-1]
    assert "There is no preview of this change" in (merge_request.folder / "comment.md").read_text()


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("deploy", ["pulumi install", "pulumi up --yes --non-interactive --stack dev --policy-pack policy"]),
        ("drift", ["pulumi preview --refresh --expect-no-changes --non-interactive --diff --stack dev"]),
    ],
)
def test_deployments_and_drift_checks_state_the_posture_and_ask_the_engine(
    merge_request: Runner, name: str, asked: list[str]
) -> None:
    done = run(merge_request, name)

    assert done.returncode == 0, done.stderr
    assert "Stack dev: tier trusted" in done.stdout
    assert commands(merge_request)[3:] == asked


def test_only_a_deployment_becomes_the_deploying_identity_and_waits_for_its_environment() -> None:
    for name, job in pipeline().items():
        assert ("DEPLOY" in job["variables"]["SERVICE_ACCOUNT"]) == ("environment" in job) == (name == "deploy")
