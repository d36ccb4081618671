"""`bulkhead destroy`: nothing is deleted before the stack's name was typed once more."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli.main import cli
from tests.unit.cli.conftest import SOUND, Bulkhead, stand_in_for_pulumi

PULUMI = """\
#!/bin/sh
echo "$@" >>"$STAND_INS/commands"
exit "$(cat "$STAND_INS/status" 2>/dev/null || echo 0)"
"""


@pytest.fixture
def engine(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for pulumi that writes down what it is told, in the folder that this gives."""
    del project
    return stand_in_for_pulumi(PULUMI, tmp_path, monkeypatch)


def told(engine: Path) -> str:
    commands = engine / "commands"
    return commands.read_text() if commands.exists() else ""


def test_the_stacks_name_destroys_it(bulkhead: Bulkhead, engine: Path) -> None:
    result = bulkhead("destroy", "--stack", "local", "--confirm", "local")

    assert result.exit_code == 0
    assert told(engine) == "destroy --yes --non-interactive --stack local\n"


def test_the_engine_is_told_the_whole_name_of_the_stack(bulkhead: Bulkhead, engine: Path) -> None:
    result = bulkhead("destroy", "--stack", "example/bulkhead/local", "--confirm", "local")

    assert result.exit_code == 0
    assert told(engine) == "destroy --yes --non-interactive --stack example/bulkhead/local\n"


def test_what_cannot_be_made_again_is_said_first(bulkhead: Bulkhead, engine: Path) -> None:
    result = bulkhead("destroy", "--stack", "local", "--confirm", "")

    assert "1 tenant(s) (one) go" in result.stderr
    assert "cannot be made again: StatefulSet bulkhead-gateway/database" in result.stderr
    assert told(engine) == ""


@pytest.mark.parametrize("typed", ["", "yes", "prod", "Local"])
def test_anything_else_deletes_nothing(bulkhead: Bulkhead, engine: Path, typed: str) -> None:
    result = bulkhead("destroy", "--stack", "local", "--confirm", typed)

    assert result.exit_code == 2
    assert "nothing was deleted" in result.stderr
    assert told(engine) == ""


@pytest.mark.parametrize(("typed", "status"), [("local\n", 0), ("no\n", 2), ("\n", 2)])
def test_who_sits_at_a_terminal_is_asked(engine: Path, typed: str, status: int) -> None:
    result = CliRunner().invoke(cli, ["destroy", "--stack", "local"], input=typed, prog_name="bulkhead")

    assert result.exit_code == status
    assert bool(told(engine)) == (status == 0)


@pytest.mark.usefixtures("engine")
def test_a_stack_has_to_be_named(bulkhead: Bulkhead) -> None:
    assert bulkhead("destroy").exit_code == 2


def protected(project: Path) -> None:
    """The stack file's database may not be deleted."""
    database = "  bulkhead:gateway: {database: {kind: in_cluster, deletion_protection: true}}\n"
    (project / "Pulumi.local.yaml").write_text(f"{SOUND}{database}")


def test_a_refusal_of_what_the_stack_file_protects_names_it_and_the_key_that_lifts_it(
    bulkhead: Bulkhead, engine: Path, project: Path
) -> None:
    protected(project)
    (engine / "status").write_text("255")

    result = bulkhead("destroy", "--stack", "local", "--confirm", "local")

    assert result.exit_code == 3
    assert "cannot be made again: StatefulSet bulkhead-gateway/database, protected" in result.stderr
    assert "the stack file protects" in result.stderr
    assert "deletion_protection: false under bulkhead:gateway.database" in result.stderr


def test_a_stack_whose_waiver_has_ended_can_be_destroyed(bulkhead: Bulkhead, engine: Path, project: Path) -> None:
    ended = "{control: SR1, owner: ops, reason: for a while, expires: 2026-01-01}"
    (project / "Pulumi.local.yaml").write_text(
        SOUND.replace("{tier: trusted}", f"{{tier: trusted, waivers: [{ended}]}}")
    )

    result = bulkhead("destroy", "--stack", "local", "--confirm", "local")

    assert result.exit_code == 0, result.stderr
    assert told(engine)


def test_what_was_unprotected_by_hand_goes_whatever_the_stack_file_says(
    bulkhead: Bulkhead, engine: Path, project: Path
) -> None:
    protected(project)

    assert bulkhead("destroy", "--stack", "local", "--confirm", "local").exit_code == 0
    assert told(engine)


def test_what_the_engine_refuses_is_a_failure(bulkhead: Bulkhead, engine: Path) -> None:
    (engine / "status").write_text("255")

    assert bulkhead("destroy", "--stack", "local", "--confirm", "local").exit_code == 3
