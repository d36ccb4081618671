"""`bulkhead preview`: which stack the engine is asked for, and which recordings are taken."""

from pathlib import Path

import pytest

from infra.cli import exit_codes
from infra.report.preview_markdown import marker
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


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    "document",
    ['{"changeSummary":{"delete":5}}', '{"steps":[{"op":"bogus"}]}', '{"steps":[{"op":"delete","urn":"x"}]}', "5"],
)
def test_a_recording_that_hides_a_change_is_refused(bulkhead: Bulkhead, tmp_path: Path, document: str) -> None:
    (tmp_path / "found.json").write_text(document)

    result = bulkhead("preview", "--from-json", str(tmp_path / "found.json"))

    assert result.exit_code == exit_codes.FAILED
    assert "it is no preview of the engine's: " in result.stderr
    assert "the output of: pulumi preview --json > found.json" in result.stderr
    assert "There is no preview of this change" in result.stdout


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("name", "status", "wrong"),
    [
        ("nowhere.json", exit_codes.INVALID, "it cannot be read: No such file or directory"),
        ("folder", exit_codes.INVALID, "it cannot be read: Is a directory"),
        ("binary", exit_codes.FAILED, "it is no preview of the engine's: it is not UTF-8 text"),
    ],
)
def test_a_recording_that_cannot_be_read_is_a_fault_like_any_other(
    bulkhead: Bulkhead, tmp_path: Path, name: str, status: int, wrong: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\x7fELF\xff\xfe")

    result = bulkhead("preview", "--from-json", str(tmp_path / name))

    assert result.exit_code == status, result.stderr
    assert wrong in result.stderr
    assert "there is nothing to render" in result.stderr
    assert f"the output of: pulumi preview --json > {name}" in result.stderr


@pytest.mark.usefixtures("asked")
def test_an_engine_that_prints_less_than_it_counts_is_told_of_by_what_is_missing(
    bulkhead: Bulkhead, tmp_path: Path
) -> None:
    (tmp_path / "stand-ins" / "pulumi").write_text(
        '#!/bin/sh\necho \'{"steps": [], "changeSummary": {"delete": 5}}\'\n'
    )

    result = bulkhead("preview")

    assert result.exit_code == exit_codes.FAILED
    assert "what pulumi printed is no preview of the engine's: changeSummary counts 5 to delete" in result.stderr


@pytest.mark.usefixtures("asked")
def test_the_comment_on_an_invalid_stack_file_is_its_faults_under_the_same_mark(bulkhead: Bulkhead) -> None:
    result = bulkhead("preview", "--stack", "invalid")

    assert result.exit_code == exit_codes.INVALID
    assert result.stdout.startswith(f"{marker('invalid')}\n## Preview of stack invalid\n")
    assert "| `bulkhead:trust.tier` |" in result.stdout
    assert "bulkhead:trust.tier: " in result.stderr


@pytest.mark.usefixtures("asked")
def test_the_comment_on_an_engine_that_answered_nothing_says_so_and_conceals_credentials(
    bulkhead: Bulkhead, tmp_path: Path
) -> None:
    (tmp_path / "stand-ins" / "pulumi").write_text(
        "#!/bin/sh\necho 'error: cannot reach postgres://state:open-s@me@db:5432/state' >&2\nexit 255\n"
    )

    result = bulkhead("preview", "--stack", "example/bulkhead/local")

    assert result.exit_code == exit_codes.FAILED
    assert result.stdout.startswith(f"{marker('local')}\n")
    assert "cannot reach postgres://[secret]@db:5432/state" in result.stdout
    assert "open-s" not in result.output


def test_the_comment_on_a_stack_whose_file_goes_says_what_follows_and_asks_no_engine(
    bulkhead: Bulkhead, project: Path, asked: Path
) -> None:
    (project / "Pulumi.unsound.yaml").unlink()

    result = bulkhead("preview", "--stack", "unsound")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{marker('unsound')}\n")
    assert "`Pulumi.unsound.yaml` goes, so that nothing describes this stack any longer" in result.stdout
    assert "Nothing is deleted" in result.stdout
    assert "`bulkhead destroy --stack unsound` while the file is there, as at `HEAD`" in result.stdout
    assert not asked.exists()


@pytest.mark.usefixtures("asked")
def test_a_stack_that_never_was_is_refused_with_those_that_are_there(bulkhead: Bulkhead) -> None:
    result = bulkhead("preview", "--stack", "nowhere")

    assert result.exit_code == exit_codes.INVALID
    assert "there is no stack nowhere" in result.stderr
    assert "one of: invalid, local, unsound" in result.stderr


def test_what_the_engine_prints_need_not_be_text(
    bulkhead: Bulkhead, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asked.parent / "pulumi").write_text("#!/bin/sh\nprintf 'no \\377 state' >&2\nexit 1\n")
    monkeypatch.setenv("LC_ALL", "C")

    result = bulkhead("preview", "--stack", "local")

    assert result.exit_code == exit_codes.FAILED, result.exception
    assert "pulumi preview failed: no \ufffd state" in result.stderr
    assert "There is no preview of this change" in result.stdout
