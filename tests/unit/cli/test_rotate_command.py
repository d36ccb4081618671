"""`bulkhead rotate`: a number in the stack file, and nothing else of it."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import SOUND, Bulkhead


def text(project: Path) -> str:
    return (project / "Pulumi.local.yaml").read_text()


def test_a_tenants_key_is_raised_by_one_number_in_the_file(bulkhead: Bulkhead, project: Path) -> None:
    result = bulkhead("rotate", "tenant-key", "one", "--stack", "local")

    assert result.exit_code == 0, result.output
    assert text(project) == SOUND.replace("budget: {usd: 5}}", "budget: {usd: 5}, key_generation: 2}")
    assert "Pulumi.local.yaml: bulkhead:tenants[0].key_generation: 2" in result.stdout
    assert "`pulumi up --stack local` will do this:" in result.stdout
    assert "bulkhead rotate tenant-key one --end-former --stack local" in result.stdout


@pytest.mark.usefixtures("project")
def test_the_commands_that_are_left_name_the_stack_as_it_was_named(bulkhead: Bulkhead) -> None:
    result = bulkhead("rotate", "tenant-key", "one", "--stack", "example/bulkhead/local")

    assert "`pulumi up --stack example/bulkhead/local` will do this:" in result.stdout
    assert "bulkhead rotate tenant-key one --end-former --stack example/bulkhead/local" in result.stdout


def test_the_former_key_is_ended_by_a_second_change(bulkhead: Bulkhead, project: Path) -> None:
    bulkhead("rotate", "tenant-key", "one", "--stack", "local")

    assert bulkhead("rotate", "tenant-key", "one", "--end-former", "--stack", "local").exit_code == 0
    assert "key_generation: 2, oldest_key_generation: 2}" in text(project)
    assert bulkhead("posture", "--stack", "local").exit_code == 0


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("engine-keys", "engine_key_generation"),
        ("master-key", "master_key_generation"),
        ("salt", "cache_salt_generation"),
    ],
)
def test_keys_of_the_gateway_are_raised_where_nothing_is_said_of_it_yet(
    bulkhead: Bulkhead, project: Path, what: str, key: str
) -> None:
    result = bulkhead("rotate", what, "--stack", "local", "--json")

    assert json.loads(result.stdout)["edits"] == {f"bulkhead:gateway.{key}": 2}
    assert text(project) == f"{SOUND}  bulkhead:gateway: {{{key}: 2}}\n"


def test_a_link_stays_a_link_and_the_file_that_it_leads_to_is_changed(bulkhead: Bulkhead, project: Path) -> None:
    shared = project / "shared" / "one.yaml"
    shared.parent.mkdir()
    (project / "Pulumi.local.yaml").rename(shared)
    (project / "Pulumi.local.yaml").symlink_to("shared/one.yaml")

    assert bulkhead("rotate", "salt", "--stack", "local").exit_code == 0

    assert (project / "Pulumi.local.yaml").is_symlink()
    assert "cache_salt_generation: 2" in shared.read_text()
    assert sorted(path.name for path in shared.parent.iterdir()) == ["one.yaml"]


def test_a_number_that_the_file_may_not_have_is_not_written(bulkhead: Bulkhead, project: Path) -> None:
    full = SOUND.replace("budget: {usd: 5}}", "budget: {usd: 5}, key_generation: 1000000}")
    (project / "Pulumi.local.yaml").write_text(full)

    result = bulkhead("rotate", "tenant-key", "one", "--stack", "local")

    assert result.exit_code == 2
    assert "1,000,000" in result.output
    assert text(project) == full


def test_a_way_of_writing_that_cannot_be_edited_is_said_and_left(bulkhead: Bulkhead, project: Path) -> None:
    usual = "- {name: one, models: [small], budget: {usd: 5}}"
    assert usual in SOUND
    unusual = SOUND.replace(usual, "- ? name\n      : one\n      models: [small]\n      budget: {usd: 5}")
    (project / "Pulumi.local.yaml").write_text(unusual)

    result = bulkhead("rotate", "tenant-key", "one", "--stack", "local")

    assert result.exit_code != 0
    assert "it cannot be edited" in result.output
    assert text(project) == unusual


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tenant-key", "onne"), "there is no tenant `onne`"),
        (("tenant-key", "one", "--end-former"), "no former key is taken"),
        (("engine-keys", "--end-former"), "no former key is taken"),
    ],
)
def test_what_cannot_be_done_leaves_the_file_as_it_was(
    bulkhead: Bulkhead, project: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = bulkhead("rotate", *arguments, "--stack", "local")

    assert result.exit_code == 2
    assert said in result.stderr
    assert text(project) == SOUND
