"""What is said where Kyverno's command line gives no report."""

from pathlib import Path
from typing import Any

import pytest

from infra.audit.identity import ADMINISTRATOR
from infra.audit.offline import policies
from infra.audit.offline.policies import PolicyCommand
from infra.faults import CommandFailedError

PODS: dict[str, Any] = {"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE", "UPDATE"]}
POLICY: dict[str, Any] = {
    "metadata": {"name": "p"},
    "spec": {"matchConstraints": {"resourceRules": [PODS]}},
}
POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}}
OTHERWISE = "do this instead"


def running(folder: Path, script: str) -> Path:
    program = folder / "kyverno"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def failure(folder: Path, script: str) -> str:
    program = running(folder, script)
    with pytest.raises(CommandFailedError) as caught:
        PolicyCommand(program, [POLICY], {}, OTHERWISE).objections(ADMINISTRATOR, [POD])
    return str(caught.value)


@pytest.mark.parametrize("stream", [1, 2])
def test_what_it_printed_on_either_stream_is_quoted(tmp_path: Path, stream: int) -> None:
    said = failure(tmp_path, f"printf 'it is\\nbroken' >&{stream}")

    assert "kyverno gave no report (it is broken)" in said


def test_neither_stream_hides_the_other(tmp_path: Path) -> None:
    said = failure(tmp_path, "echo half of it; echo and the rest >&2")

    assert "(half of it and the rest)" in said


def test_what_it_says_of_a_policy_only_when_it_is_not_asked_for_json_is_asked_for(tmp_path: Path) -> None:
    """As Kyverno 1.19 does where an expression does not compile: asked for JSON, it prints nothing and succeeds."""
    said = failure(tmp_path, 'case "$*" in *json*) ;; *) echo "failed to compile policy p" ;; esac')

    assert "(failed to compile policy p)" in said


def test_a_program_without_a_word_is_said_to_have_said_none(tmp_path: Path) -> None:
    assert "gave no report (it printed nothing)" in failure(tmp_path, "true")


@pytest.mark.parametrize("text", ["cannot read {", "cannot read {}"])
def test_braces_in_an_error_are_no_report(tmp_path: Path, text: str) -> None:
    assert f"gave no report ({text})" in failure(tmp_path, f"echo '{text}'")


def test_a_program_that_takes_too_long_is_an_error_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "SECONDS", 0.2)

    assert "gave no report within 0.2 s" in failure(tmp_path, "exec sleep 60")


def test_objects_that_no_policy_looks_at_where_they_are_are_nothing_to_judge(tmp_path: Path) -> None:
    """Of such objects alone Kyverno gives no report, and of policies that it could not read none either."""
    selector = {"matchExpressions": [{"key": "name", "operator": "NotIn", "values": ["exempt"]}]}
    rules = {**POLICY["spec"]["matchConstraints"], "namespaceSelector": selector}
    policy = {**POLICY, "spec": {"matchConstraints": rules}}
    namespaces = {"exempt": {"name": "exempt"}, "other": {"name": "other"}}
    command = PolicyCommand(running(tmp_path, "true"), [policy], namespaces, OTHERWISE)
    exempt, looked_at = ({**POD, "metadata": {"name": "one", "namespace": name}} for name in namespaces)

    assert command.objections(ADMINISTRATOR, [exempt]) == []
    with pytest.raises(CommandFailedError):
        command.objections(ADMINISTRATOR, [exempt, looked_at])


def test_the_caller_says_what_to_do(tmp_path: Path) -> None:
    assert f"write: {OTHERWISE}" in failure(tmp_path, "true")


def test_a_policy_on_deletions_has_nothing_to_say_of_what_is_made(tmp_path: Path) -> None:
    rule = {**PODS, "operations": ["DELETE"]}
    policy = {"metadata": {"name": "p"}, "spec": {"matchConstraints": {"resourceRules": [rule]}}}
    program = running(tmp_path, "exit 1")

    assert PolicyCommand(program, [policy], {}, OTHERWISE).objections(ADMINISTRATOR, [POD]) == []
