"""`bulkhead affected`: which stacks a change touches."""

import json
from pathlib import Path

import pytest

from infra.cli.affected import affected_stacks
from tests.unit.cli.conftest import SOUND, Bulkhead
from tests.unit.cli.test_diff_command import git

STACKS = ("dev", "local", "prod")


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ([], []),
        (["docs/how-to/audit.md", "tests/conftest.py"], []),
        (["Pulumi.prod.yaml"], ["prod"]),
        (["Pulumi.gone.yaml"], []),
        (["components/gateway/gateway.py"], ["dev", "prod"]),
        (["requirements.lock"], ["dev", "prod"]),
        (["__main__.py", "Pulumi.prod.yaml"], ["dev", "prod"]),
    ],
)
def test_a_stack_file_touches_its_stack_and_the_program_touches_all(changed: list[str], touched: list[str]) -> None:
    assert affected_stacks(changed, STACKS, ["local"]) == touched


def test_the_change_is_what_the_branch_did_since_it_parted(bulkhead: Bulkhead, project: Path) -> None:
    for arguments in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "first"),
        ("checkout", "--quiet", "-b", "change"),
    ):
        git(*arguments)
    (project / "Pulumi.fresh.yaml").write_text(SOUND)
    git("add", "--all")
    git("commit", "--quiet", "--message", "a new stack")
    git("checkout", "--quiet", "main")
    (project / "Pulumi.local.yaml").write_text(f"{SOUND}\n")
    git("commit", "--quiet", "--all", "--message", "somebody else's")
    git("checkout", "--quiet", "change")

    assert json.loads(bulkhead("affected", "--base", "main").stdout) == ["fresh"]
    assert json.loads(bulkhead("affected", "--every", "--without", "fresh").stdout) == ["invalid", "local", "unsound"]


def test_a_stack_whose_file_goes_is_named_where_that_is_asked_for(bulkhead: Bulkhead, project: Path) -> None:
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    (project / "Pulumi.unsound.yaml").unlink()
    (project / "Pulumi.local.yaml").write_text(f"{SOUND}\n")

    assert json.loads(bulkhead("affected", "--base", "HEAD").stdout) == ["local"]
    assert json.loads(bulkhead("affected", "--base", "HEAD", "--removed").stdout) == ["local", "unsound"]
    assert json.loads(bulkhead("affected", "--base", "HEAD", "--removed", "--without", "unsound").stdout) == ["local"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("arguments", [(), ("--base", "main", "--every")])
def test_it_wants_either_a_base_or_every_stack(bulkhead: Bulkhead, arguments: tuple[str, ...]) -> None:
    assert bulkhead("affected", *arguments).exit_code == 2
