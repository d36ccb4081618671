"""`bulkhead posture`: what it prints where, and what its exit code says."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Bulkhead

pytestmark = pytest.mark.usefixtures("project")


@pytest.mark.parametrize(("stack", "code"), [("local", 0), ("unsound", 1), ("invalid", 2)])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_the_exit_code_says_sound_unsound_or_invalid(bulkhead: Bulkhead, stack: str, code: int, form: tuple[str, ...]):
    assert bulkhead("posture", "--stack", stack, *form).exit_code == code


def test_a_sound_posture_is_a_table_with_a_verdict(bulkhead: Bulkhead):
    result = bulkhead("posture")
    assert "Stack local: tier trusted, tenants cooperative" in result.stdout
    assert "enforced  AC1  a virtual key per tenant" in result.stdout
    assert "Sound: 3 enforced, 13 dormant." in result.stdout
    assert result.stderr == ""


def test_an_unsound_posture_shows_what_is_missing_on_standard_output(bulkhead: Bulkhead):
    result = bulkhead("posture", "--stack", "unsound")
    assert "error SR1 bulkhead:trust.tier" in result.stdout
    assert "NOT SOUND" in result.stdout
    assert result.stderr == ""


def test_json_is_one_document_whatever_the_verdict(bulkhead: Bulkhead):
    for stack in ("local", "unsound"):
        document = json.loads(bulkhead("posture", "--stack", stack, "--json").stdout)
        assert document["stack"] == stack
        assert len(document["controls"]) == 16


def test_json_names_the_objects_that_realise_a_control(bulkhead: Bulkhead):
    controls = {row["id"]: row for row in json.loads(bulkhead("posture", "--json").stdout)["controls"]}
    assert "ClusterQueue/tenant-one" in controls["AC3"]["objects"]
    assert controls["SR1"]["objects"] == []


def test_faults_of_an_invalid_file_stand_on_standard_error_only(bulkhead: Bulkhead):
    result = bulkhead("posture", "--stack", "invalid")
    assert result.stdout == ""
    assert "bulkhead:trust.tier" in result.stderr
    assert "Traceback" not in result.stderr


def test_with_json_the_faults_are_a_document_as_well(bulkhead: Bulkhead):
    result = bulkhead("posture", "--stack", "invalid", "--json")
    (fault,) = json.loads(result.stdout)["faults"]
    assert fault["path"] == "bulkhead:trust.tier"
    assert set(fault) == {"path", "wrong", "follows", "write"}
    assert "bulkhead:trust.tier" in result.stderr


def test_a_stack_file_anywhere_can_be_named(
    bulkhead: Bulkhead, project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    result = bulkhead("posture", "--stack-file", str(project / "Pulumi.unsound.yaml"), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["stack"] == "unsound"


def test_a_stack_and_a_stack_file_exclude_each_other(bulkhead: Bulkhead):
    result = bulkhead("posture", "--stack", "local", "--stack-file", "Pulumi.local.yaml")
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "config: [",
        "\x00",
        "- a list",
        "config: 7",
        "a: &a [*a]",
        "config: {bulkhead:trust: !!python/object:os.system {}}",
        "",
    ],
    ids=["brace", "bracket", "nul", "list", "number", "cycle", "tag", "empty"],
)
def test_no_content_leads_to_a_traceback(bulkhead: Bulkhead, project: Path, content: str):
    (project / "Pulumi.local.yaml").write_text(content)
    result = bulkhead("posture")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr


@pytest.mark.parametrize("name", ["absent/Pulumi.x.yaml", ".", "Pulumi.absent.yaml"])
def test_a_file_that_is_none_is_one_clear_fault(bulkhead: Bulkhead, name: str):
    result = bulkhead("posture", "--stack-file", name)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert result.stderr
