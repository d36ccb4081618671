"""`bulkhead transition`: the way told from the stack's outputs, and each step of it an update of a file by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from infra.cli.main import cli
from infra.config.loader import parse
from infra.config.stack import StackConfig
from infra.posture import platform_of
from infra.report.posture_json import posture_document
from infra.transition.state import state_document, state_of
from tests.plan.stacks import TODAY, document_of
from tests.plan.ways import REPARTITIONED
from tests.unit.cli.conftest import Bulkhead, stand_in_for_pulumi

PULUMI = """\
#!/bin/sh
if [ "$1 $2" = "stack output" ]; then
  echo "$@" >"$STAND_INS/asked"
  cat "$STAND_INS/outputs.json"
  exit "$(cat "$STAND_INS/output_status")"
fi
echo "Updating (prod)"
echo "$@" >>"$STAND_INS/commands"
cat "$STAND_INS/complaint" >&2 2>/dev/null
while [ "${1:-}" != "--config-file" ] && [ $# -gt 0 ]; do shift; done
cat "$2" >"$STAND_INS/file"
cat "${BULKHEAD_STACK_FILE:-/dev/null}" >"$STAND_INS/judged"
number=$(wc -l <"$STAND_INS/commands")
if [ -e "$STAND_INS/after$number.json" ]; then cp "$STAND_INS/after$number.json" "$STAND_INS/outputs.json"; fi
exit "$(cat "$STAND_INS/status" 2>/dev/null || echo 0)"
"""
ROOT = Path(__file__).parents[3]
OLD = "h100-mig-1g-20gb"


class Engine:
    """A stand-in for pulumi: what it answers and what it is told, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deployed(self, document: dict[str, Any], after: int = 0) -> None:
        """Answer as a stack on which a document was deployed; `after` so many updates."""
        parsed = parse(document, TODAY)
        assert isinstance(parsed, StackConfig), parsed
        platform = platform_of("prod", parsed, TODAY)
        outputs = {
            "posture": posture_document(platform.posture),
            "deployed": state_document(state_of(platform.config, platform.blueprint)),
        }
        name = f"after{after}.json" if after else "outputs.json"
        (self.folder / name).write_text(json.dumps(outputs))

    def answers(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    @property
    def told(self) -> list[str]:
        commands = self.folder / "commands"
        return commands.read_text().splitlines() if commands.exists() else []

    @property
    def file(self) -> dict[str, Any]:
        """The configuration of the last update's file."""
        return yaml.safe_load((self.folder / "file").read_text())["config"]

    @property
    def judged(self) -> dict[str, Any]:
        """The configuration of the file by which a policy pack judges the last update."""
        return yaml.safe_load((self.folder / "judged").read_text())["config"]


@pytest.fixture
def engine(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    folder = stand_in_for_pulumi(PULUMI, tmp_path, monkeypatch)
    monkeypatch.setattr("infra.cli.transition.today", lambda: TODAY)
    write(project, REPARTITIONED)
    made = Engine(folder)
    made.deployed(document_of("prod"))
    made.answers("output_status", "0")
    return made


def write(project: Path, document: dict[str, Any], stack: str = "prod") -> None:
    (project / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"encryptionsalt": "v1:x", "config": document}))


def retiring(document: dict[str, Any]) -> dict[str, Any]:
    platform = platform_of("prod", parse(document_of("prod"), TODAY), TODAY)  # pyright: ignore[reportArgumentType]
    record = state_of(platform.config, platform.blueprint).pools[OLD]
    return {**document, "bulkhead:retiring_pools": [dict(record)]}


class Looks:
    """What is at work on a pool at each look; nothing when there is no more to tell.

    Attributes:
        pods: Pods on its nodes.
        admitted: Kueue's workloads with quota there.
        taken: How many looks there were.
    """

    def __init__(self) -> None:
        self.pods: list[tuple[str, ...]] = []
        self.admitted: list[tuple[str, ...]] = []
        self.taken = 0

    def working_pods(self, label: str, value: str) -> tuple[str, ...]:
        assert (label, value) == ("bulkhead.dev/pool", OLD)
        self.taken += 1
        return self.pods.pop(0) if self.pods else ()

    def admitted_workloads(self, flavor: str) -> tuple[str, ...]:
        assert flavor == OLD
        return self.admitted.pop(0) if self.admitted else ()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    found = Looks()

    def connect(*_: object) -> Looks:
        return found

    monkeypatch.setattr("infra.live.cluster.connect", connect)
    monkeypatch.setattr("infra.cli.transition.LOOK_SECONDS", 0)
    return found


def test_the_way_is_printed_and_nothing_begun(bulkhead: Bulkhead, engine: Engine) -> None:
    result = bulkhead("transition", "--stack", "prod", "--plan")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("prod: trusted > trusted, 2 updates\n1. move: ")
    assert engine.told == []


def test_the_way_is_a_document_for_programs(bulkhead: Bulkhead, engine: Engine) -> None:
    del engine
    found = json.loads(bulkhead("transition", "--stack", "prod", "--plan", "--format", "json").stdout)

    assert [step["title"] for step in found["steps"]] == ["move", "remove"]
    assert found["steps"][1]["empty"] == [OLD]


def test_every_update_has_to_pass_the_policy_pack_that_is_named(
    bulkhead: Bulkhead, engine: Engine, project: Path, looks: Looks
) -> None:
    del looks
    engine.deployed(retiring(dict(REPARTITIONED)), after=1)
    (project / "policy").mkdir()

    result = bulkhead("transition", "--stack", "prod", "--yes", "--policy-pack", "policy")

    assert result.exit_code == 0, result.output
    updates = [line for line in engine.told if line.startswith("up ")]
    assert len(updates) == 2
    assert all(line.endswith(f"--policy-pack {project / 'policy'}") for line in updates)


@pytest.mark.parametrize("target", ["prod", "other"])
def test_the_policy_pack_judges_an_update_by_the_file_of_its_step(
    bulkhead: Bulkhead, engine: Engine, project: Path, target: str
) -> None:
    write(project, document_of("prod"))
    write(project, REPARTITIONED, target)
    engine.answers("status", "255")
    (project / "policy").mkdir()
    to = ("--to", f"Pulumi.{target}.yaml")

    bulkhead("transition", "--stack", "prod", *to, "--yes", "--policy-pack", "policy")

    assert engine.judged == engine.file == retiring(dict(REPARTITIONED))


def test_a_policy_pack_that_is_not_there_begins_nothing(bulkhead: Bulkhead, engine: Engine) -> None:
    result = bulkhead("transition", "--stack", "prod", "--yes", "--policy-pack", "nowhere")

    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    assert engine.told == []


def test_each_step_is_an_update_and_the_last_waits_for_what_runs(
    bulkhead: Bulkhead, engine: Engine, project: Path, looks: Looks
) -> None:
    engine.deployed(retiring(dict(REPARTITIONED)), after=1)
    looks.pods.extend([("bulkhead-workloads/job-1",), ("bulkhead-workloads/job-1",)])
    before = (project / "Pulumi.prod.yaml").read_text()

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 0, result.output
    first, second = engine.told
    assert first.startswith("up --yes --skip-preview --non-interactive --stack prod --config-file ")
    assert second.rpartition(" ")[0] == first.rpartition(" ")[0]
    assert engine.file == {**REPARTITIONED, "bulkhead:emptied_pools": [OLD]}
    assert result.stderr.count("waiting for 1: pod bulkhead-workloads/job-1") == 1
    assert (project / "Pulumi.prod.yaml").read_text() == before


def test_a_job_that_is_admitted_and_has_no_pod_yet_is_waited_for(
    bulkhead: Bulkhead, engine: Engine, looks: Looks
) -> None:
    engine.deployed(retiring(dict(REPARTITIONED)))
    looks.admitted.append(("bulkhead-workloads/job-train",))

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 0, result.output
    assert "waiting for 1: workload bulkhead-workloads/job-train, which is admitted" in result.stderr
    assert looks.taken == 3


@pytest.mark.parametrize(
    ("seen", "taken"), [([], 2), ([(), ("a/b",)], 4), ([("a/b",), (), ("a/b",), ()], 5)], ids=["empty", "once", "twice"]
)
def test_a_pool_is_seen_empty_twice_in_a_row_before_it_goes(
    bulkhead: Bulkhead, engine: Engine, looks: Looks, seen: list[tuple[str, ...]], taken: int
) -> None:
    engine.deployed(retiring(dict(REPARTITIONED)))
    looks.pods.extend(seen)

    assert bulkhead("transition", "--stack", "prod", "--yes").exit_code == 0

    assert looks.taken == taken
    assert len(engine.told) == 1


def test_the_engine_is_told_the_whole_name_of_the_stack(bulkhead: Bulkhead, engine: Engine) -> None:
    engine.answers("status", "255")
    result = bulkhead("transition", "--stack", "example/bulkhead/prod", "--yes")

    assert result.stdout.startswith("prod: trusted > trusted")
    assert " --stack example/bulkhead/prod" in (engine.folder / "asked").read_text()
    assert " --stack example/bulkhead/prod --config-file " in engine.told[0]


def test_a_step_s_file_is_the_target_s_with_the_pool_that_stays(bulkhead: Bulkhead, engine: Engine) -> None:
    engine.answers("status", "255")

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 3
    assert "the update `move` failed" in result.stderr
    assert engine.file == retiring(dict(REPARTITIONED))
    assert len(engine.told) == 1
    assert not Path(engine.told[0].rpartition(" ")[2]).exists()


def test_after_an_interruption_what_is_left_is_done(bulkhead: Bulkhead, engine: Engine, looks: Looks) -> None:
    del looks
    engine.deployed(retiring(dict(REPARTITIONED)))

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 0, result.output
    assert "1 update\n1. remove" in result.stdout
    assert len(engine.told) == 1


def test_a_word_in_the_target_that_comes_before_the_pool_retires_begins_nothing(
    bulkhead: Bulkhead, engine: Engine, project: Path
) -> None:
    """Between the steps a plain update of the same file would delete the pool with its jobs."""
    write(project, {**REPARTITIONED, "bulkhead:emptied_pools": [OLD]})

    for option in ("--plan", "--yes"):
        result = bulkhead("transition", "--stack", "prod", option)

        assert result.exit_code == 1
        assert f"Node pool {OLD} is not retiring yet" in result.stderr
    assert engine.told == []


def test_a_word_once_the_pool_retires_does_not_spare_it_the_look(
    bulkhead: Bulkhead, engine: Engine, project: Path, looks: Looks
) -> None:
    write(project, {**REPARTITIONED, "bulkhead:emptied_pools": [OLD]})
    engine.deployed(retiring(dict(REPARTITIONED)))
    looks.pods.append(("bulkhead-workloads/job-1",))

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 0, result.output
    assert "waiting for 1: pod bulkhead-workloads/job-1" in result.stderr
    assert engine.file == {**REPARTITIONED, "bulkhead:emptied_pools": [OLD]}


def test_a_word_for_another_pool_is_no_word_for_the_pool_that_is_left_first(
    bulkhead: Bulkhead, engine: Engine, project: Path, looks: Looks
) -> None:
    """A pool that is gone is named still; the first step's file keeps no such word, and the last step's does."""
    del looks
    write(project, {**REPARTITIONED, "bulkhead:emptied_pools": ["gone-whole"]})
    engine.answers("status", "255")

    assert bulkhead("transition", "--stack", "prod", "--yes").exit_code == 3
    assert engine.file == retiring(dict(REPARTITIONED))

    engine.answers("status", "0")
    engine.deployed(retiring(dict(REPARTITIONED)))

    assert bulkhead("transition", "--stack", "prod", "--yes").exit_code == 0
    assert engine.file == {**REPARTITIONED, "bulkhead:emptied_pools": ["gone-whole", OLD]}


def test_a_lowering_without_a_reason_begins_nothing(bulkhead: Bulkhead, engine: Engine, project: Path) -> None:
    document = document_of("prod")
    engine.deployed({**document, "bulkhead:trust": {**document["bulkhead:trust"], "tier": "governed"}})
    write(project, document)

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 1
    assert "Tier governed is deployed and the stack file says trusted" in result.stderr
    assert engine.told == []


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_consent_nothing_begins(engine: Engine, answer: str) -> None:
    result = CliRunner().invoke(cli, ["transition", "--stack", "prod"], input=answer, prog_name="bulkhead")

    assert result.exit_code == 2
    assert engine.told == []


def test_another_file_may_be_the_target(bulkhead: Bulkhead, engine: Engine, project: Path) -> None:
    write(project, document_of("prod"), "other")

    result = bulkhead("transition", "--stack", "prod", "--to", str(project / "Pulumi.other.yaml"), "--yes")

    assert result.exit_code == 0, result.output
    assert engine.told[0].endswith("Pulumi.other.yaml")


@pytest.mark.parametrize(
    ("outputs", "said"),
    [("{}", "Nothing is deployed yet."), ("null", "Nothing is deployed yet.")],
)
def test_a_stack_on_which_nothing_is_deployed_is_made_at_once(
    bulkhead: Bulkhead, engine: Engine, outputs: str, said: str
) -> None:
    engine.answers("outputs.json", outputs)

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 0, result.output
    assert said in result.stdout
    assert len(engine.told) == 1


def test_with_json_nothing_but_the_way_is_on_standard_output(engine: Engine, project: Path) -> None:
    program = (
        "import datetime, infra.cli.transition as command; from infra.cli.main import main;"
        f" command.today = lambda: datetime.date.fromisoformat('{TODAY}'); main()"
    )
    command = [sys.executable, "-c", program, "transition", "--stack", "prod", "--yes"]
    write(project, document_of("prod"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=True)

    table, document = run(), run("--format", "json")

    assert len(engine.told) == 2
    assert "Updating (prod)" in table.stdout
    assert [step["title"] for step in json.loads(document.stdout)["steps"]] == ["update"]
    assert "Updating (prod)" in document.stderr


@pytest.mark.parametrize("option", ["--plan", "--yes"])
def test_without_pulumi_it_says_what_is_missing_and_what_does_without(
    bulkhead: Bulkhead, engine: Engine, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(engine.folder.parent))

    result = bulkhead("transition", "--stack", "prod", option)

    assert result.exit_code == 3
    assert "there is no pulumi on PATH" in result.stderr
    assert "what is deployed cannot be told" in result.stderr
    assert "bulkhead diff" in result.stderr


@pytest.mark.parametrize("printed", ["", "warning: a new version\n{}", "[]", "0"])
def test_what_is_no_document_is_not_taken_for_a_stack_without_a_deployment(
    bulkhead: Bulkhead, engine: Engine, printed: str
) -> None:
    engine.answers("outputs.json", printed)

    result = bulkhead("transition", "--stack", "prod", "--plan")

    assert result.exit_code == 3
    assert "pulumi stack output printed no JSON document" in result.stderr
    assert result.stdout == ""


def test_an_engine_whose_complaint_is_no_text_ends_it(bulkhead: Bulkhead, engine: Engine) -> None:
    (engine.folder / "pulumi").write_text("#!/bin/sh\nprintf 'no \\377 state' >&2\nexit 255\n")

    result = bulkhead("transition", "--stack", "prod", "--plan")

    assert result.exit_code == 3, result.exception
    assert "pulumi stack output failed: no \ufffd state" in result.stderr


def test_an_engine_that_cannot_say_what_is_deployed_ends_it(bulkhead: Bulkhead, engine: Engine) -> None:
    engine.answers("output_status", "255")

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert result.exit_code == 3
    assert "pulumi stack output failed" in result.stderr
    assert engine.told == []


LOCKED = {
    "a backend of one's own": """\
error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock
  gs://states/.pulumi/locks/organization/bulkhead/prod/1.json: created by ci@runner (pid 7) at 2026-11-24T09:00:00Z
""",
    "the service": "error: [409] Conflict: Another update is currently in progress.\n",
}


@pytest.mark.parametrize("complaint", LOCKED.values(), ids=LOCKED)
def test_a_lock_that_somebody_left_is_told_with_the_command_that_takes_it_away(
    bulkhead: Bulkhead, engine: Engine, complaint: str
) -> None:
    engine.answers("status", "255")
    engine.answers("complaint", complaint)

    result = bulkhead("transition", "--stack", "example/bulkhead/prod", "--yes")

    assert result.exit_code == 3
    assert complaint in result.stderr
    assert "pulumi: the lock of stack example/bulkhead/prod is held" in result.stderr
    assert "where nobody is deploying" in result.stderr
    assert "pulumi cancel --yes --stack example/bulkhead/prod" in result.stderr
    assert result.stderr.count("what follows:") == 1
    assert len(engine.told) == 1


def test_an_update_that_fails_otherwise_is_no_lock_and_its_words_are_let_through(
    bulkhead: Bulkhead, engine: Engine
) -> None:
    engine.answers("status", "255")
    engine.answers("complaint", "error: update failed\n")

    result = bulkhead("transition", "--stack", "prod", "--yes")

    assert "error: update failed\n" in result.stderr
    assert "the update `move` failed" in result.stderr
    assert "pulumi cancel" not in result.stderr


def test_a_word_of_locks_in_an_update_that_ends_well_stops_nothing(
    bulkhead: Bulkhead, engine: Engine, project: Path
) -> None:
    write(project, document_of("prod"))
    engine.answers("complaint", LOCKED["the service"])

    assert bulkhead("transition", "--stack", "prod", "--yes").exit_code == 0
