"""Which stack file a command means."""

from pathlib import Path

import pytest

from infra.cli.project import stack_file_of
from infra.faults import Fault, FaultsFoundError
from tests.unit.cli.conftest import Bulkhead


def selected(stack: str | None, start: Path, **environment: str) -> str:
    return stack_file_of(stack, start, environment).name


def refusal(stack: str | None, start: Path, **environment: str) -> Fault:
    with pytest.raises(FaultsFoundError) as refused:
        stack_file_of(stack, start, environment)
    (fault,) = refused.value.faults
    return fault


def test_the_named_stack_is_taken(project: Path):
    assert selected("unsound", project) == "Pulumi.unsound.yaml"


def test_the_option_comes_before_the_environment(project: Path):
    assert selected("unsound", project, PULUMI_STACK="invalid") == "Pulumi.unsound.yaml"


def test_the_environment_comes_before_local(project: Path):
    assert selected(None, project, PULUMI_STACK="invalid") == "Pulumi.invalid.yaml"


def test_local_is_taken_where_nothing_is_named(project: Path):
    assert selected(None, project) == "Pulumi.local.yaml"


def test_the_only_stack_is_taken_where_there_is_no_local(project: Path):
    for name in ("local", "invalid"):
        (project / f"Pulumi.{name}.yaml").unlink()
    assert selected(None, project) == "Pulumi.unsound.yaml"


def test_several_stacks_and_no_local_is_a_fault_that_lists_them(project: Path):
    (project / "Pulumi.local.yaml").unlink()
    assert "one of: invalid, unsound" in refusal(None, project).write


def test_organisation_and_project_before_the_name_are_understood(project: Path):
    assert selected("organization/bulkhead/unsound", project) == "Pulumi.unsound.yaml"


def test_the_project_is_found_from_a_folder_below_it(project: Path):
    (project / "a" / "b").mkdir(parents=True)
    assert selected("local", project / "a" / "b") == "Pulumi.local.yaml"


def test_another_project_on_the_way_up_is_passed_over(project: Path):
    inner = project / "inner"
    inner.mkdir()
    (inner / "Pulumi.yaml").write_text("name: other\n")
    assert stack_file_of(None, inner, {}) == project / "Pulumi.local.yaml"


@pytest.mark.parametrize("text", ["name: other\n", "{", "\x00", "- name: bulkhead\n"])
def test_without_a_project_the_fault_says_how_to_go_on(tmp_path: Path, text: str):
    (tmp_path / "Pulumi.yaml").write_text(text)
    fault = refusal(None, tmp_path)
    assert fault.path == "Pulumi.yaml"
    assert fault.write == "the command inside the project"


def test_an_unknown_stack_is_a_fault_that_lists_the_known_ones(project: Path):
    fault = refusal("absent", project)
    assert fault.path == "--stack"
    assert "Pulumi.absent.yaml" in fault.wrong
    assert "invalid, local, unsound" in fault.write


def test_an_unknown_stack_in_the_environment_is_blamed_on_the_environment(project: Path):
    assert refusal(None, project, PULUMI_STACK="absent").path == "PULUMI_STACK"


@pytest.mark.parametrize("name", ["../local", "a/b/c/local", "lo cal", "", ".", "\x1b[31m", "\uff4cocal"])
def test_what_cannot_be_a_stacks_name_finds_no_file(project: Path, name: str):
    assert refusal(name, project).path == "--stack"


def test_an_empty_variable_is_as_good_as_none(project: Path):
    assert selected(None, project, PULUMI_STACK="") == "Pulumi.local.yaml"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "command",
    [
        ("preview",),
        ("destroy",),
        ("transition", "--plan"),
        ("rotate", "salt"),
        ("posture",),
        ("plan",),
        ("images",),
        ("placement",),
        ("audit",),
    ],
    ids=lambda command: command[0],
)
def test_an_option_is_advised_where_the_command_has_it(bulkhead: Bulkhead, command: tuple[str, ...]) -> None:
    refused = bulkhead(*command, "--stack", "nope").stderr

    assert "one of: invalid, local, unsound" in refused
    assert ("--stack-file" in refused) == ("--stack-file" in bulkhead(*command, "--help").stdout)


@pytest.mark.parametrize("command", ["preview", "diff"])
def test_outside_a_project_too(
    bulkhead: Bulkhead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert ("--stack-file" in bulkhead(command, "--stack", "nope").stderr) == (command == "diff")
