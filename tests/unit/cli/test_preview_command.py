"""`bulkhead preview`: which stack the engine is asked for."""

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Bulkhead, stand_in_for_pulumi
from tests.unit.cli.test_diff_command import git

PULUMI = """\
#!/bin/sh
echo "$@" >"$STAND_INS/asked"
echo '{"steps": [], "changeSummary": {}}'
"""
WHOLE = "example/bulkhead/local"


@pytest.fixture
def asked(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a stand-in for pulumi writes down how it was called; the project is in a git repository."""
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "before")
    return stand_in_for_pulumi(PULUMI, tmp_path, monkeypatch) / "asked"


@pytest.mark.parametrize(
    ("options", "variable", "selected"),
    [
        (("--stack", WHOLE), None, WHOLE),
        ((), WHOLE, WHOLE),
        (("--stack", "local"), WHOLE, "local"),
        ((), None, "local"),
    ],
    ids=["named", "by the environment", "named in spite of it", "by itself"],
)
def test_the_engine_is_asked_for_the_stack_by_its_whole_name(
    *,
    bulkhead: Bulkhead,
    asked: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    variable: str | None,
    selected: str,
) -> None:
    if variable is not None:
        monkeypatch.setenv("PULUMI_STACK", variable)

    result = bulkhead("preview", *options)

    assert result.exit_code == 0, result.output
    assert asked.read_text() == f"preview --json --non-interactive --stack {selected}\n"
