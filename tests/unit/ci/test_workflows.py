"""The workflow files: pinned, least privileged, one stack at a time, and their commands run here."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.report.preview_markdown import marker
from lab.paths import binaries_directory
from tests.unit.ci.workflows import ACTIONS, CHECKOUT, EXPRESSION, WORKFLOWS, Runner, commands, jobs, loaded, steps_of
from tests.unit.preview.steps import RECORDED

EVERY = [*WORKFLOWS, *ACTIONS]
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def by_name(path: Path) -> str:
    return path.parent.name if path.name == "action.yml" else path.stem


def workflow(name: str) -> Path:
    return CHECKOUT / ".github" / "workflows" / f"{name}.yml"


# --- the files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERY, ids=by_name)
def test_every_action_is_pinned_by_its_digest_and_says_its_version(path: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]

    assert used
    assert [line for line in used if not PINNED.fullmatch(line) and line != "uses: ./.github/actions/prepare"] == []


def test_one_version_of_each_action_is_used() -> None:
    used = {str(step["uses"]) for path in EVERY for step in steps_of(path) if "@" in str(step.get("uses", ""))}

    assert len({name.partition("@")[0] for name in used}) == len(used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_name)
def test_a_job_gets_no_permission_that_it_does_not_name_and_only_the_preview_may_write(path: Path) -> None:
    assert loaded(path)["permissions"] == {}
    for name, job in jobs(path).items():
        written = {key for key, value in job["permissions"].items() if value == "write"}
        assert written <= {"id-token", "pull-requests"}
        assert ("pull-requests" in written) == (path.stem == "preview" and name == "preview")


@pytest.mark.parametrize("path", EVERY, ids=by_name)
def test_nothing_that_somebody_else_wrote_is_pasted_into_a_command(path: Path) -> None:
    """A branch may be called `$(curl …)`: expressions reach commands as environment variables only."""
    assert [step["run"] for step in steps_of(path) if "run" in step and EXPRESSION.search(step["run"])] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_name)
def test_what_touches_a_stack_runs_once_at_a_time_for_it(path: Path) -> None:
    work = jobs(path)[path.stem]

    assert "matrix.stack" in work["concurrency"]["group"]
    assert work["concurrency"]["cancel-in-progress"] == (path.stem != "deploy")


def test_only_a_deployment_becomes_the_deploying_identity_and_waits_for_its_environment() -> None:
    for path in WORKFLOWS:
        job = jobs(path)[path.stem]
        (identity,) = [step["with"]["service-account"] for step in job["steps"] if "service-account" in str(step)]
        assert ("DEPLOY" in identity) == ("environment" in job) == (path.stem == "deploy")


def test_a_forks_pull_request_gets_no_identity() -> None:
    stacks = jobs(workflow("preview"))["stacks"]

    assert stacks["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert jobs(workflow("preview"))["preview"]["needs"] == "stacks"


def test_actionlint_finds_nothing() -> None:
    built = binaries_directory() / "actionlint"
    actionlint = str(built) if built.is_file() else shutil.which("actionlint")
    if actionlint is None:
        reason = "actionlint is not built; `python -m lab.quickstart prepare` builds it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [actionlint, *WORKFLOWS], capture_output=True, text=True, timeout=60, check=False, cwd=CHECKOUT
    )

    assert (done.stdout, done.returncode) == ("", 0)


# --- their commands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["preview", "deploy"])
def test_the_stacks_of_a_change_are_those_whose_files_changed(runner: Runner, name: str) -> None:
    (step,) = [step for step in jobs(workflow(name))["stacks"]["steps"] if "run" in step]

    done = runner.run(step)

    assert done.returncode == 0, done.stderr
    assert runner.context["steps.affected.outputs.stacks"] == '["dev"]'


@pytest.mark.parametrize(("name", "stacks"), [("preview", '["dev", "prod"]'), ("deploy", '["dev"]')])
def test_a_stack_whose_file_goes_is_previewed_and_not_deployed(runner: Runner, name: str, stacks: str) -> None:
    (step,) = [step for step in jobs(workflow(name))["stacks"]["steps"] if "run" in step]
    (runner.folder / "Pulumi.prod.yaml").unlink()

    assert runner.run(step).returncode == 0
    assert runner.context["steps.affected.outputs.stacks"] == stacks


def test_every_stack_but_the_labs_is_compared_with_what_runs(runner: Runner) -> None:
    (step,) = [step for step in jobs(workflow("drift"))["stacks"]["steps"] if "run" in step]

    assert runner.run(step).returncode == 0
    assert runner.context["steps.every.outputs.stacks"] == '["dev", "prod"]'


def comment_earlier(runner: Runner) -> None:
    """An earlier run has commented on the pull request."""
    nodes = [{"id": "IC_4711", "body": f"{marker('dev')}\nearlier", "viewerDidAuthor": True}]
    page = {"data": {"repository": {"pullRequest": {"comments": {"nodes": nodes}}}}}
    (runner.beside / "comments").write_text(json.dumps(page))


def test_a_preview_becomes_a_new_comment_and_then_is_edited_in_place(runner: Runner) -> None:
    preview, comment, verdict = [step for step in jobs(workflow("preview"))["preview"]["steps"] if "run" in step]

    done = [runner.run(preview), runner.run(comment), runner.run(verdict)]
    comment_earlier(runner)
    again = runner.run(comment)

    assert [one.returncode for one in (*done, again)] == [0, 0, 0, 0], [one.stderr for one in (*done, again)]
    text = (runner.folder / "comment.md").read_text()
    assert text.startswith("<!-- bulkhead preview: dev -->\n")
    assert "| `budget.usd` | `500` | `700` |" in text
    assert (runner.beside / "summary").read_text() == text
    assert commands(runner)[0] == "pulumi preview --json --non-interactive --stack dev"
    made, edited = [line for line in commands(runner) if "body=@comment.md" in line]
    assert made == "gh api --method POST repos/example/platform/issues/7/comments --field body=@comment.md --silent"
    assert edited.endswith("--raw-field id=IC_4711 --field body=@comment.md")


def test_a_change_that_would_be_refused_is_commented_on_and_then_fails(runner: Runner) -> None:
    preview, comment, verdict = [step for step in jobs(workflow("preview"))["preview"]["steps"] if "run" in step]
    shutil.copy(RECORDED / "refused.json", runner.beside / "preview.json")

    done = [runner.run(step) for step in (preview, comment, verdict)]

    assert [one.returncode for one in done] == [0, 0, 3]
    assert "The engine refused the preview" in (runner.folder / "comment.md").read_text()


def test_faults_take_the_place_of_the_comment_on_an_earlier_push_and_then_fail(runner: Runner) -> None:
    preview, comment, verdict = [step for step in jobs(workflow("preview"))["preview"]["steps"] if "run" in step]
    (runner.folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    comment_earlier(runner)

    done = [runner.run(step) for step in (preview, comment, verdict)]

    assert [one.returncode for one in done] == [0, 0, 2]
    text = (runner.folder / "comment.md").read_text()
    assert text.startswith("<!-- bulkhead preview: dev -->\n")
    assert "There is no preview of this change, and none of an earlier one counts" in text
    assert commands(runner)[-1].endswith("--raw-field id=IC_4711 --field body=@comment.md")


def test_where_the_run_fails_before_the_preview_the_comment_says_so(runner: Runner) -> None:
    _, comment, _ = [step for step in jobs(workflow("preview"))["preview"]["steps"] if "run" in step]

    assert comment["if"] == "${{ !cancelled() }}"
    assert runner.run(comment).returncode == 0
    text = (runner.folder / "comment.md").read_text()
    assert text.startswith(f"{marker('dev')}\n## Preview of stack dev\n")
    assert "There is no preview of this change, and none of an earlier one counts" in text


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("deploy", ["pulumi install", "pulumi up --yes --non-interactive --stack dev --policy-pack policy"]),
        ("drift", ["pulumi preview --refresh --expect-no-changes --non-interactive --diff --stack dev"]),
    ],
)
def test_deployments_and_drift_checks_state_the_posture_and_ask_the_engine(
    runner: Runner, name: str, asked: list[str]
) -> None:
    steps = [step for step in jobs(workflow(name))[name]["steps"] if "run" in step]

    done = [runner.run(step) for step in steps]

    assert [one.returncode for one in done] == [0] * len(steps), [one.stderr for one in done]
    assert "Stack dev: tier trusted" in (runner.beside / "summary").read_text()
    assert commands(runner) == asked


def test_the_prepared_machine_finds_the_program_and_the_state(runner: Runner) -> None:
    install, login = [step for step in steps_of(ACTIONS[0]) if "run" in step]

    assert runner.run(install).returncode == 0
    assert runner.run(login).returncode == 0
    assert (runner.beside / "path").read_text().endswith("/.venv/bin\n")
    assert commands(runner) == ["pulumi login gs://example-state"]
