"""`bulkhead diff`: two sides from git or from files, three formats, the shared exit codes."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from tests.days import in_days
from tests.plan.stacks import TODAY, document_of
from tests.plan.ways import edited
from tests.unit.cli.conftest import SOUND, UNSOUND, Bulkhead


def waived(expires: str) -> str:
    """The sound stack file with a waiver that ends on a day."""
    waiver = f"{{control: SR1, owner: ops, reason: for a while, expires: {expires}}}"
    return SOUND.replace("{tier: trusted}", f"{{tier: trusted, waivers: [{waiver}]}}")


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, timeout=60)


@pytest.fixture
def repository(project: Path) -> Path:
    """The project in a git repository whose first commit is tagged `before`."""
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "before")
    git("tag", "before")
    return project


def richer(project: Path, stack: str = "local") -> None:
    (project / f"Pulumi.{stack}.yaml").write_text(SOUND.replace("budget: {usd: 5}", "budget: {usd: 9}"))


@pytest.mark.usefixtures("repository")
def test_without_a_change_nothing_is_told(bulkhead: Bulkhead) -> None:
    result = bulkhead("diff")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "Stack local: from HEAD to the working tree"
    assert "No control is lost, and nothing is deleted or replaced." in result.stdout
    assert "The plan has no change." in result.stdout


def test_a_budget_that_changed_since_a_tag_is_told(bulkhead: Bulkhead, repository: Path) -> None:
    richer(repository)
    git("commit", "--quiet", "--all", "--message", "after")

    result = bulkhead("diff", "--base", "before", "--stack", "local", "--json")

    (tenant,) = json.loads(result.stdout)["tenants"]
    assert tenant == {
        "name": "one",
        "change": "changed",
        "keys": [{"key": "budget.usd", "before": "5", "after": "9"}],
    }
    assert not json.loads(bulkhead("diff", "--json").stdout)["tenants"]


def test_routes_that_are_closed_and_metadata_that_change_are_told(bulkhead: Bulkhead, repository: Path) -> None:
    text = SOUND.replace("models: [small]", "models: [small], routes: [models, chat], metadata: {cost-centre: '4711'}")
    assert text != SOUND
    (repository / "Pulumi.local.yaml").write_text(text)

    (tenant,) = json.loads(bulkhead("diff", "--json").stdout)["tenants"]

    assert tenant["keys"] == [
        {"key": "metadata.cost-centre", "before": None, "after": "4711"},
        {
            "key": "routes",
            "before": "chat, completions, embeddings, messages, models, responses",
            "after": "chat, models",
        },
    ]
    assert "metadata.cost-centre" in bulkhead("diff").stdout


def test_a_stack_that_is_new_or_goes_is_compared_with_nothing(bulkhead: Bulkhead, repository: Path) -> None:
    (repository / "Pulumi.fresh.yaml").write_text(SOUND)
    (repository / "Pulumi.local.yaml").unlink()

    fresh, gone = bulkhead("diff", "--stack", "fresh"), bulkhead("diff", "--stack", "local")

    assert fresh.stdout.startswith("Stack fresh: from nothing to the working tree")
    assert gone.stdout.startswith("Stack local: from HEAD to nothing")
    assert "HOLDS DATA" in gone.stdout


@pytest.mark.usefixtures("repository")
def test_a_stack_that_never_was_is_refused(bulkhead: Bulkhead) -> None:
    result = bulkhead("diff", "--stack", "nowhere")

    assert result.exit_code == 2
    assert "Pulumi.nowhere.yaml" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("revision", ["nowhere", "--output=/tmp/x", "HEAD~9", ""])
def test_a_revision_that_git_does_not_know_is_refused(bulkhead: Bulkhead, revision: str) -> None:
    result = bulkhead("diff", f"--base={revision}")

    assert result.exit_code == 2
    assert f"git knows no commit {revision}" in result.stderr


def test_what_others_did_at_the_base_since_history_parted_is_no_part_of_the_change(
    bulkhead: Bulkhead, repository: Path
) -> None:
    git("checkout", "--quiet", "-b", "change")
    richer(repository)
    git("commit", "--quiet", "--all", "--message", "a budget")
    git("checkout", "--quiet", "-b", "target", "before")
    raised = SOUND.replace("tier: trusted", "tier: governed")
    (repository / "Pulumi.local.yaml").write_text(raised)
    git("commit", "--quiet", "--all", "--message", "a higher tier")
    git("checkout", "--quiet", "change")

    result = bulkhead("diff", "--base", "target", "--json")

    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["tier_before"], told["tier_after"], told["controls"]) == ("trusted", "trusted", [])
    assert [tenant["name"] for tenant in told["tenants"]] == ["one"]


@pytest.mark.usefixtures("repository")
def test_a_base_of_another_history_is_refused(bulkhead: Bulkhead) -> None:
    git("checkout", "--quiet", "--orphan", "other")
    git("commit", "--quiet", "--message", "another beginning")

    result = bulkhead("diff", "--base", "before")

    assert result.exit_code == 2
    assert "git knows no commit that both before and the working tree come from" in result.stderr


def test_outside_of_a_repository_it_says_what_to_do(bulkhead: Bulkhead, project: Path) -> None:
    result = bulkhead("diff")

    assert result.exit_code == 3
    assert f"{project} is in no git repository" in result.stderr
    assert "--from FILE --to FILE" in result.stderr


@pytest.mark.usefixtures("project")
def test_two_files_need_no_repository(bulkhead: Bulkhead) -> None:
    result = bulkhead("diff", "--from", "Pulumi.local.yaml", "--to", "Pulumi.unsound.yaml", "--format", "markdown")

    assert result.exit_code == 1
    assert result.stdout.startswith("### Stack unsound: from Pulumi.local.yaml to Pulumi.unsound.yaml\n")
    assert "REFUSED as it stands: 3 errors" in result.stdout
    assert "No plan was made" in result.stdout


@pytest.mark.usefixtures("project")
def test_what_became_unsound_is_still_compared(bulkhead: Bulkhead) -> None:
    result = bulkhead("diff", "--from", "Pulumi.unsound.yaml", "--to", "Pulumi.local.yaml")

    assert result.exit_code == 0
    assert "removed" in result.stdout


def compared_with_what_runs(bulkhead: Bulkhead, repository: Path, runs: str, mended: str) -> Result:
    """What `diff` says of a stack file's change from what is committed."""
    (repository / "Pulumi.local.yaml").write_text(runs)
    git("commit", "--quiet", "--all", "--message", "what runs")
    (repository / "Pulumi.local.yaml").write_text(mended)
    return bulkhead("diff", "--stack", "local")


@pytest.mark.parametrize("mended", [waived(in_days(100)), SOUND], ids=["renewed", "removed"])
def test_a_change_that_mends_an_ended_waiver_is_compared_with_what_runs(
    bulkhead: Bulkhead, repository: Path, mended: str
) -> None:
    result = compared_with_what_runs(bulkhead, repository, waived("2026-01-01"), mended)

    assert result.exit_code == 0, result.stderr
    assert ("waiver added" in result.stdout) == (mended != SOUND)


@pytest.mark.parametrize("mended", [waived(in_days(100)), SOUND], ids=["shortened", "removed"])
def test_a_change_that_mends_a_waiver_without_an_end_is_compared_with_what_runs(
    bulkhead: Bulkhead, repository: Path, mended: str
) -> None:
    result = compared_with_what_runs(bulkhead, repository, waived("2999-12-31"), mended)

    assert result.exit_code == 0, result.stderr


@pytest.mark.usefixtures("repository")
def test_a_waiver_that_is_to_last_for_ever_is_refused(bulkhead: Bulkhead, project: Path) -> None:
    (project / "Pulumi.local.yaml").write_text(waived("2999-12-31"))

    result = bulkhead("diff", "--stack", "local")

    assert result.exit_code == 2
    assert "the waiver of SR1 lasts until 2999-12-31" in result.stderr


@pytest.mark.usefixtures("repository")
def test_a_waiver_that_has_ended_is_refused_afterwards(bulkhead: Bulkhead, project: Path) -> None:
    (project / "Pulumi.local.yaml").write_text(waived("2026-01-01"))

    result = bulkhead("diff", "--stack", "local")

    assert result.exit_code == 2
    assert "the waiver of SR1 expired on 2026-01-01" in result.stderr


def test_a_lower_tier_is_refused_as_the_program_refuses_it_and_passes_with_its_reason(
    bulkhead: Bulkhead, project: Path
) -> None:
    (project / "Pulumi.higher.yaml").write_text(SOUND.replace("tier: trusted", "tier: governed"))
    permitted = "{tier: trusted, allow_lowering: {from_tier: governed, reason: One team is left.}}"
    (project / "Pulumi.lower.yaml").write_text(SOUND.replace("{tier: trusted}", permitted))

    refused = bulkhead("diff", "--from", "Pulumi.higher.yaml", "--to", "Pulumi.local.yaml")
    passed = bulkhead("diff", "--from", "Pulumi.higher.yaml", "--to", "Pulumi.lower.yaml")

    assert refused.exit_code == 1
    assert "No plan was made" in refused.stdout
    assert passed.exit_code == 0
    assert "Reason: One team is left." in " ".join(passed.stdout.split())
    assert "control lost" in passed.stdout


@pytest.mark.usefixtures("project")
def test_an_invalid_side_is_refused_and_named(bulkhead: Bulkhead) -> None:
    result = bulkhead("diff", "--from", "Pulumi.invalid.yaml", "--to", "Pulumi.local.yaml", "--json")

    assert result.exit_code == 2
    assert result.stderr.startswith("Pulumi.invalid.yaml: 1 fault; ")
    assert json.loads(result.stdout)["faults"][0]["path"] == "bulkhead:trust.tier"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "Pulumi.local.yaml"),
        ("--to", "Pulumi.local.yaml"),
        ("--from", "Pulumi.local.yaml", "--to", "Pulumi.local.yaml", "--base", "HEAD"),
        ("--from", "Pulumi.local.yaml", "--to", "Pulumi.local.yaml", "--stack", "local"),
        ("--json", "--format", "table"),
    ],
)
def test_options_that_exclude_each_other_are_refused(bulkhead: Bulkhead, arguments: tuple[str, ...]) -> None:
    assert bulkhead("diff", *arguments).exit_code == 2


def test_the_output_is_the_same_each_time(bulkhead: Bulkhead, repository: Path) -> None:
    (repository / "Pulumi.local.yaml").write_text(UNSOUND)
    for form in ("table", "markdown", "json"):
        assert bulkhead("diff", "--format", form).stdout == bulkhead("diff", "--format", form).stdout


@pytest.mark.parametrize(("generation", "exit_code"), [(2, 0), (3, 1)])
def test_a_second_rotation_before_the_first_was_deployed_is_refused(
    bulkhead: Bulkhead, repository: Path, generation: int, exit_code: int
) -> None:
    changed = SOUND.replace("budget: {usd: 5}", f"budget: {{usd: 5}}, key_generation: {generation}")
    (repository / "Pulumi.local.yaml").write_text(changed)

    result = bulkhead("diff", "--stack", "local")

    assert result.exit_code == exit_code
    assert ("Write: key_generation: 2, one at a time" in " ".join(result.stdout.split())) == bool(exit_code)


def test_a_pool_under_whose_name_other_gpus_shall_be_is_refused_as_no_update_can_do_it(
    bulkhead: Bulkhead, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.cli.diff.today", lambda: TODAY)
    before = document_of("prod")
    after = edited(before, "pools", 1, accelerator="nvidia-h100-80gb")
    for name, document in (("before", before), ("after", after)):
        (project / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": document}))

    result = bulkhead("diff", "--from", "Pulumi.before.yaml", "--to", "Pulumi.after.yaml", "--json")

    assert result.exit_code == 1, result.stderr
    (error,) = json.loads(result.stdout)["errors"]
    assert "Write: another `name` than l4" in error["message"]


@pytest.mark.parametrize("named", ["/nowhere/old.yaml", "old.yaml"])
def test_a_file_that_is_named_and_not_there_is_called_as_it_was_named(
    bulkhead: Bulkhead, project: Path, named: str
) -> None:
    result = bulkhead("diff", "--from", named, "--to", str(project / "Pulumi.local.yaml"))

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{named}: 1 fault; ")
