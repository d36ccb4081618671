"""How a program ends, as the language host tells it to the engine."""

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pulumi
import pytest
from pulumi.runtime.proto import language_pb2 as pb

from lab.engine.language_host import ProgramRefused, program_file, run_program, user_traceback
from lab.engine.plugin_programs import plugin_command, run_plugin


@pytest.fixture(autouse=True)
def restored_process() -> Generator[None]:
    folder, path, arguments = Path.cwd(), list(sys.path), list(sys.argv)
    yield
    os.chdir(folder)
    sys.path[:], sys.argv[:] = path, arguments


def program(folder: Path, text: str) -> Path:
    file = folder / "__main__.py"
    file.write_text(text)
    return file


def test_a_project_without_an_entry_runs_its_main_module(tmp_path: Path) -> None:
    assert program_file(str(tmp_path), ".") == tmp_path / "__main__.py"


def test_an_entry_may_be_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "platform").mkdir()
    (tmp_path / "other.py").touch()
    assert program_file(str(tmp_path), "platform") == tmp_path / "platform" / "__main__.py"
    assert program_file(str(tmp_path), "other.py") == tmp_path / "other.py"


def test_a_program_runs_in_its_folder_and_imports_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("name = 'found'\n")
    text = "import neighbour, pathlib\npathlib.Path('made').write_text(neighbour.name)\n"
    run_program(program(tmp_path, text), tmp_path)
    assert (tmp_path / "made").read_text() == "found"


@pytest.mark.parametrize("leaving", ["raise SystemExit", "raise SystemExit(0)", "pass"])
def test_a_program_that_ends_well_is_a_success(tmp_path: Path, leaving: str) -> None:
    run_program(program(tmp_path, leaving), tmp_path)


def test_a_status_means_that_the_user_has_been_told(tmp_path: Path) -> None:
    with pytest.raises(ProgramRefused):
        run_program(program(tmp_path, "raise SystemExit(2)"), tmp_path)


def test_a_text_as_status_is_the_message(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match="the posture lacks SR1"):
        run_program(program(tmp_path, "raise SystemExit('the posture lacks SR1')"), tmp_path)


def test_a_traceback_starts_at_the_users_own_line(tmp_path: Path) -> None:
    file = program(tmp_path, "{}['missing']\n")
    with pytest.raises(KeyError) as failed:
        run_program(file, tmp_path)
    told = user_traceback(failed.value, file)
    assert told.splitlines()[1].strip().startswith(f'File "{file}", line 1')
    assert "language_host" not in told


def test_a_program_that_cannot_be_read_shows_only_the_place(tmp_path: Path) -> None:
    file = program(tmp_path, "def broken(:\n")
    with pytest.raises(SyntaxError) as failed:
        run_program(file, tmp_path)
    told = user_traceback(failed.value, file)
    assert "line 1" in told
    assert "runpy" not in told


def test_a_plugin_written_in_python_is_heard_until_it_ends(tmp_path: Path) -> None:
    program(
        tmp_path,
        "import os, sys\nprint('port', *sys.argv[1:])\nprint(os.environ['MODE'], file=sys.stderr)\nsys.exit(3)\n",
    )
    request = pb.RunPluginRequest(
        pwd=str(tmp_path), args=["1"], env=["MODE=loud"], info=pb.ProgramInfo(program_directory=str(tmp_path))
    )

    said = list(run_plugin(request, lambda _end: True))

    assert b"".join(one.stdout for one in said) == b"port 1\n"
    assert b"".join(one.stderr for one in said) == b"loud\n"
    assert said[-1].exitcode == 3


def test_a_plugin_that_the_engine_no_longer_hears_is_ended(tmp_path: Path) -> None:
    program(tmp_path, "import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    cancel: list[Callable[[], None]] = []
    request = pb.RunPluginRequest(pwd=str(tmp_path), info=pb.ProgramInfo(program_directory=str(tmp_path)))
    said = run_plugin(request, cancel.append)

    first = next(said)
    cancel[0]()

    assert first.stdout.startswith(b"up")
    assert list(said)[-1].exitcode < 0


def test_a_plugins_own_environment_runs_it_where_there_is_one(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert plugin_command(folder, {"virtualenv": "venv"}, ["1"]) == [sys.executable, "-u", folder, "1"]
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    own = tmp_path / "venv" / "bin" / "python"
    own.touch()
    assert plugin_command(folder, {"virtualenv": "venv"}, []) == [str(own), "-u", folder]
