"""The command line as a whole: what starts what, and how each way of ending looks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from infra.cli.group import LazyCommand, LazyGroup
from infra.cli.main import COMMANDS
from infra.faults import Fault, FaultsFoundError
from tests.days import in_days
from tests.unit.cli.conftest import Bulkhead

SCRIPT = "from infra.cli.main import main; main()"
REPORT = """
import sys
from infra.cli.main import main
try:
    main()
finally:
    print(sorted(name for name in sys.modules if name.startswith(('pulumi', 'lab.'))), file=sys.stderr)
"""


def python(code: str, *arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["posture"], ["posture", "--json"]])
def test_help_and_posture_start_without_pulumi_and_without_the_lab(project: Path, arguments: list[str]):
    result = python(REPORT, *arguments, folder=project)
    assert result.returncode == 0
    assert result.stderr.splitlines()[-1] == "[]"


def test_the_installed_script_ends_with_the_shared_exit_codes(project: Path):
    script = Path(sys.executable).with_name("bulkhead")
    for stack, code in {"local": 0, "unsound": 1, "invalid": 2}.items():
        result = subprocess.run([script, "posture", "--stack", stack], capture_output=True, timeout=60, check=False)
        assert result.returncode == code


def test_help_lists_the_commands_that_are_there(bulkhead: Bulkhead):
    result = bulkhead("--help")
    assert result.exit_code == 0
    for name, where in COMMANDS.items():
        assert (f"  {name} " in result.stdout) == where.exists


def test_version_is_the_packages(bulkhead: Bulkhead):
    result = bulkhead("--version")
    assert result.exit_code == 0
    assert result.stdout == "bulkhead 0.1.0\n"


def test_an_unknown_command_is_invalid(bulkhead: Bulkhead):
    result = bulkhead("postur")
    assert result.exit_code == 2
    assert "No such command 'postur'" in result.stderr


def test_output_survives_a_terminal_that_knows_only_ascii(project: Path):
    text = (project / "Pulumi.unsound.yaml").read_text()
    waivers = ", ".join(
        f"{{control: {control}, owner: Müller, reason: für später, expires: {in_days(100)}}}"
        for control in ("SR1", "SR2", "SR3")
    )
    (project / "Pulumi.unsound.yaml").write_text(text.replace("{tier: trusted}", f"{{waivers: [{waivers}]}}"))
    result = python(SCRIPT, "posture", "--stack", "unsound", folder=project, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "M\\xfcller" in result.stdout


def test_a_reader_who_stops_reading_causes_no_complaint(project: Path):
    command = f"'{sys.executable}' -c '{SCRIPT}' posture --json | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode in {0, 141}
    assert result.stderr == ""


@pytest.mark.parametrize(
    "arguments", ["posture", "posture --json", "plan", "posture --stack nope 2>&1", "posture --help"]
)
def test_a_reader_who_stops_reading_is_no_missing_control(project: Path, arguments: str):
    """`head` in a pipeline with pipefail: 1 would say that the posture is unsound."""
    command = f"'{sys.executable}' -c '{SCRIPT}' {arguments} | sleep 0; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 141
    assert result.stderr == ""


def test_a_full_disk_is_one_line(project: Path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    command = f"'{sys.executable}' -c '{SCRIPT}' posture --json >/dev/full"
    result = subprocess.run(
        ["bash", "-c", command], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 3
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


# --- endings of a command --------------------------------------------------------------------------------------


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, BaseException]]:
    """A command line whose one command ends with the exception that is put under `error`."""
    held: dict[str, BaseException] = {}

    @click.command()
    def fails() -> None:
        raise held["error"]

    monkeypatch.setattr(sys.modules[__name__], "fails", fails, raising=False)
    yield held


def run(ending: dict[str, BaseException], error: BaseException) -> Result:
    ending["error"] = error
    group = LazyGroup("test", {"fails": LazyCommand(__name__, "fails", "Fails.")}, "Test.")
    return CliRunner().invoke(group, ["fails"])


def test_ctrl_c_ends_with_130(ending: dict[str, BaseException]):
    result = run(ending, KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_faults_end_with_2_and_every_fault_is_shown(ending: dict[str, BaseException]):
    faults = [Fault("bulkhead:pools", "wrong", "follows", "this"), Fault("bulkhead:models", "bad", "breaks", "that")]
    result = run(ending, FaultsFoundError("Pulumi.x.yaml", faults))
    assert result.exit_code == 2
    assert "2 faults; nothing was changed" in result.stderr
    assert "bulkhead:pools" in result.stderr
    assert "bulkhead:models" in result.stderr


def test_what_the_operating_system_refuses_ends_with_3(ending: dict[str, BaseException]):
    result = run(ending, PermissionError(13, "Permission denied", "x"))
    assert (result.exit_code, result.stderr) == (3, "bulkhead: [Errno 13] Permission denied: 'x'\n")


def test_escape_sequences_in_faults_do_not_reach_the_terminal(ending: dict[str, BaseException]):
    result = run(ending, FaultsFoundError("Pulumi.x.yaml", [Fault("bulkhead:x", "\x1b[2J", "y", "z")]))
    assert "\x1b" not in result.stderr
    assert "\\x1b[2J" in result.stderr


def test_a_command_whose_module_is_missing_is_left_out():
    group = LazyGroup("test", {"absent": LazyCommand("infra.absent", "absent", "Absent.")}, "Test.")
    assert group.list_commands(click.Context(group)) == []
