"""`bulkhead preview`: which stack the engine is asked for, and which recordings are taken."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli import exit_codes
from infra.guard import Guard
from infra.posture import platform_of
from infra.report.posture_json import posture_document
from infra.report.preview_markdown import marker
from infra.transition.state import state_document, state_of
from tests.plan.stacks import TODAY, configuration, document_of
from tests.plan.ways import REPARTITIONED
from tests.unit.cli.conftest import Bulkhead, stand_in_for_pulumi
from tests.unit.cli.test_diff_command import git
from tests.unit.guard.stack import everything

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


REFUSES_ONE_UPDATE = """\
#!/bin/sh
echo "$@" >>"$STAND_INS/asked"
if [ "$1 $2" = "stack output" ]; then
  cat "$STAND_INS/outputs.json"
  exit
fi
while [ "${1:-}" != "--config-file" ] && [ $# -gt 0 ]; do shift; done
if [ $# -gt 0 ]; then
  cp "$2" "$STAND_INS/file"
  echo '{"steps": [], "changeSummary": {}}'
  exit
fi
cat "$STAND_INS/plain.json"
"""
"""A pulumi that previews a plain update as `plain.json` says, and one of another file as nothing that changes."""
REFUSED: dict[str, Any] = {
    "steps": [],
    "diagnostics": [{"severity": "error", "message": "error: Node pool wanted no more"}],
}
PASSES: dict[str, Any] = {"steps": [], "changeSummary": {}}
OLD = "h100-mig-1g-20gb"


class Repartitioned:
    """A change of how a GPU is divided, and what a stand-in for pulumi answers to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def previews(self, document: dict[str, Any]) -> None:
        """Answer so to a preview of the stack file as it is."""
        (self.folder / "plain.json").write_text(json.dumps(document))

    def deployed(self, document: dict[str, Any]) -> None:
        """Answer as a stack on which a document was deployed."""
        platform = platform_of("prod", configuration(document), TODAY)
        outputs = {
            "posture": posture_document(platform.posture),
            "deployed": state_document(state_of(platform.config, platform.blueprint)),
        }
        (self.folder / "outputs.json").write_text(json.dumps(outputs))

    @property
    def asked(self) -> list[str]:
        return [line.partition(" --")[0] for line in (self.folder / "asked").read_text().splitlines()]

    @property
    def file(self) -> dict[str, Any]:
        """The configuration of the update that the engine was asked for."""
        return yaml.safe_load((self.folder / "file").read_text())["config"]


def guard(*_: object) -> Guard:
    """What there is to guard, whatever day it is."""
    return everything()


@pytest.fixture
def repartitioned(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repartitioned:
    for module in ("preview", "previewed"):
        monkeypatch.setattr(f"infra.cli.{module}.today", lambda: TODAY)
    monkeypatch.setattr("infra.cli.previewed.guard_of_stack", guard)
    path = project / "Pulumi.prod.yaml"
    path.write_text(yaml.safe_dump({"config": document_of("prod")}))
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "before")
    path.write_text(yaml.safe_dump({"config": REPARTITIONED}))
    made = Repartitioned(stand_in_for_pulumi(REFUSES_ONE_UPDATE, tmp_path, monkeypatch))
    made.previews(REFUSED)
    made.deployed(document_of("prod"))
    return made


def with_the_pool_retiring() -> dict[str, Any]:
    platform = platform_of("prod", configuration(document_of("prod")), TODAY)
    record = state_of(platform.config, platform.blueprint).pools[OLD]
    return {**REPARTITIONED, "bulkhead:retiring_pools": [dict(record)]}


def test_a_change_that_one_update_does_not_carry_out_shows_its_updates_and_the_preview_of_the_first(
    bulkhead: Bulkhead, repartitioned: Repartitioned
) -> None:
    result = bulkhead("preview", "--stack", "prod")

    assert result.exit_code == exit_codes.UNSOUND, result.output
    assert repartitioned.asked == ["preview", "stack output", "preview"]
    assert repartitioned.file == with_the_pool_retiring()
    assert "| takes 2 updates | bulkhead:pools |" in result.stdout
    assert "### What the engine would do in update 1 of 2" in result.stdout
    assert "The engine refused the preview" not in result.stdout


def test_a_way_that_is_half_gone_shows_what_is_left_of_it(bulkhead: Bulkhead, repartitioned: Repartitioned) -> None:
    repartitioned.deployed(with_the_pool_retiring())

    result = bulkhead("preview", "--stack", "prod")

    assert repartitioned.file == {**REPARTITIONED, "bulkhead:emptied_pools": [OLD]}
    assert "| takes 1 update | bulkhead:pools |" in result.stdout
    assert "### What the engine would do in update 1 of 1" in result.stdout


def test_a_change_that_was_carried_out_before_it_is_merged_takes_nothing_more(
    bulkhead: Bulkhead, repartitioned: Repartitioned
) -> None:
    repartitioned.previews(PASSES)

    result = bulkhead("preview", "--stack", "prod")

    assert result.exit_code == exit_codes.SOUND, result.output
    assert repartitioned.asked == ["preview"]
    assert "takes 2 updates" not in result.stdout


def test_a_refusal_for_another_reason_is_told_as_one(bulkhead: Bulkhead, repartitioned: Repartitioned) -> None:
    repartitioned.deployed(dict(REPARTITIONED))

    result = bulkhead("preview", "--stack", "prod")

    assert result.exit_code == exit_codes.FAILED
    assert "The engine refused the preview" in result.stdout
    assert "takes 2 updates" not in result.stdout


def test_where_what_is_deployed_cannot_be_told_the_difference_says_what_the_change_takes(
    bulkhead: Bulkhead, repartitioned: Repartitioned
) -> None:
    (repartitioned.folder / "outputs.json").write_text("no document")

    result = bulkhead("preview", "--stack", "prod")

    assert result.exit_code == exit_codes.FAILED
    assert "The engine refused the preview" in result.stdout
    assert "| takes 2 updates | bulkhead:pools |" in result.stdout


def test_a_recorded_refusal_is_shown_with_the_updates_that_the_change_takes(
    bulkhead: Bulkhead, repartitioned: Repartitioned, tmp_path: Path
) -> None:
    (tmp_path / "found.json").write_text(json.dumps(REFUSED))

    result = bulkhead("preview", "--stack", "prod", "--from-json", str(tmp_path / "found.json"))

    assert result.exit_code == exit_codes.FAILED
    assert not (repartitioned.folder / "asked").exists()
    assert "| takes 2 updates | bulkhead:pools |" in result.stdout
