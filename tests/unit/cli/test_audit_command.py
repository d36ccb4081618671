"""`bulkhead audit`: how it ends, also when the cluster cannot be reached."""

import json
import os
import signal
from pathlib import Path

import pytest

from infra.audit.existing import ExistingReport, WouldBeRefused
from infra.audit.report import AuditReport, ControlReport, Verdict
from infra.config.trust import ControlId
from tests.unit.cli.conftest import SOUND, UNSOUND, Bulkhead

pytestmark = pytest.mark.usefixtures("kubeconfig")

REFUSED = WouldBeRefused("research", "place", "Pod", "one", "bulkhead-gpu-pods", "SR2: no queue", "group team")


def test_a_context_that_the_kubeconfig_has_not_is_told(bulkhead: Bulkhead) -> None:
    result = bulkhead("audit", "--context", "elsewhere", "--json")

    (fault,) = json.loads(result.stdout)["faults"]
    assert result.exit_code == 3
    assert fault["path"] == "audit"
    assert "no context elsewhere" in fault["wrong"]
    assert "one of its contexts: test; or --context NAME" in fault["write"]


def test_a_cluster_that_does_not_answer_proves_nothing(bulkhead: Bulkhead) -> None:
    result = bulkhead("audit", "--json")

    (fault,) = json.loads(result.stdout)["faults"]
    assert result.exit_code == 3
    assert "https://127.0.0.1:9 does not answer" in fault["wrong"]
    assert fault["follows"] == "nothing is proven"


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.HOLDS, 0), (Verdict.FAILS, 1), (Verdict.UNPROVEN, 3), (Verdict.NOT_CLAIMED, 0), (Verdict.NOT_PROBED, 0)],
)
def test_only_what_was_shown_to_hold_ends_well(
    bulkhead: Bulkhead, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, code: int
) -> None:
    controls = (ControlReport(ControlId.SR1, "", Verdict.HOLDS, ()), ControlReport(ControlId.SR2, "", verdict, ()))
    report = AuditReport("tests", "governed", "test", (), controls, (), {})

    def audited(*_arguments: object) -> AuditReport:
        return report

    monkeypatch.setattr("infra.cli.audit._run", audited)

    assert bulkhead("audit").exit_code == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_the_command_lets_the_audit_remove_what_it_made(
    bulkhead: Bulkhead, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    seen: list[str] = []

    def audited(*_arguments: object, **_named: object) -> AuditReport:
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            seen.append("interrupted")
            raise
        return AuditReport("tests", "governed", "test", (), (), (), {})

    monkeypatch.setattr("infra.cli.audit.audit_cluster", audited)

    def not_heard(_number: int, _frame: object) -> None:
        seen.append("not heard")

    before = signal.signal(number, not_heard)
    try:
        result = bulkhead("audit")
    finally:
        signal.signal(number, before)

    assert seen == ["interrupted"]
    assert result.exit_code != 0


@pytest.mark.parametrize(("refused", "code"), [((), 0), ((REFUSED,), 1)])
def test_what_exists_and_would_be_refused_is_no_success(
    bulkhead: Bulkhead, monkeypatch: pytest.MonkeyPatch, refused: tuple[WouldBeRefused, ...], code: int
) -> None:
    found = ExistingReport("tests", "governed", "test", ("bulkhead-gpu-pods",), 1, refused)

    def reported(*_arguments: object) -> ExistingReport:
        return found

    monkeypatch.setattr("infra.cli.existing._report", reported)
    result = bulkhead("audit", "--existing", "--json")

    assert result.exit_code == code
    assert len(json.loads(result.stdout)["would_be_refused"]) == len(refused)


UNCHECKED = SOUND + "  bulkhead:gateway: {database_outage: serve}\n"
UNPRICED = SOUND.replace("  bulkhead:tenants", "    - {name: other, source: /models/o, pool: cpu}\n  bulkhead:tenants")
SHARED = SOUND.replace("name: small\n", "name: small\n      cache_isolation: shared\n")


@pytest.mark.parametrize(
    ("text", "tier", "path"),
    [
        (UNCHECKED, "governed", "bulkhead:gateway.database_outage"),
        (UNPRICED, "governed", "bulkhead:models[1]"),
        (SHARED, "adversarial", "bulkhead:models[0].cache_isolation"),
    ],
)
def test_what_a_tier_that_is_only_expected_rules_out_in_the_file_is_a_fault(
    bulkhead: Bulkhead, project: Path, text: str, tier: str, path: str
) -> None:
    (project / "Pulumi.other.yaml").write_text(text)
    result = bulkhead("audit", "--stack", "other", "--tier", tier, "--json")

    assert result.exit_code == 2
    assert [fault["path"] for fault in json.loads(result.stdout)["faults"]] == [path]
    # Nothing is wrong with the file as it is; whoever goes on finds no cluster.
    assert bulkhead("audit", "--stack", "other").exit_code == 3


def test_a_tier_is_expected_of_a_file_that_may_be_lowered_from_it(bulkhead: Bulkhead, project: Path) -> None:
    allowed = "{tier: trusted, allow_lowering: {from_tier: governed, reason: Too much of it.}}"
    (project / "Pulumi.other.yaml").write_text(SOUND.replace("{tier: trusted}", allowed))

    assert bulkhead("audit", "--stack", "other", "--tier", "governed").exit_code == 3


WITH_GPUS = UNSOUND.replace(
    "  bulkhead:models", "    - {name: l4, accelerator: nvidia-l4, nodes: {max: 2}}\n  bulkhead:models"
)
CONTESTED = WITH_GPUS.replace("usd: 5}", "usd: 5}, gpu_quota: {l4: 1}").replace("tier: trusted", "tier: governed")
"""Two tenants on whole GPUs of one pool, which HW1 keeps from passing between them."""


def test_what_the_facts_refuse_of_an_expected_tier_is_told_as_posture_tells_it_and_no_cluster_is_asked(
    bulkhead: Bulkhead, project: Path
) -> None:
    (project / "Pulumi.other.yaml").write_text(CONTESTED)
    (project / "Pulumi.named.yaml").write_text(CONTESTED.replace("tier: governed", "tier: adversarial"))
    posture = json.loads(bulkhead("posture", "--stack", "named", "--json").stdout)
    result = bulkhead("audit", "--stack", "other", "--tier", "adversarial")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "The posture of stack other with tier adversarial would be unsound: " in result.stderr
    assert "With that tier in the stack file, `bulkhead posture --stack other` shows all of it." in result.stderr
    errors = [finding for finding in posture["findings"] if finding["severity"] == "error"]
    assert errors
    assert all(f"  {finding['path']}: {finding['message']}" in result.stderr for finding in errors)
    # As it is, nothing is wrong with it; whoever goes on finds no cluster.
    assert bulkhead("audit", "--stack", "other").exit_code == 3


def test_nothing_is_on_standard_output_where_the_facts_refuse_an_expected_tier_and_json_is_wanted(
    bulkhead: Bulkhead, project: Path
) -> None:
    (project / "Pulumi.other.yaml").write_text(CONTESTED)
    result = bulkhead("audit", "--stack", "other", "--tier", "adversarial", "--json")

    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("arguments", [(), ("--tier", "trusted")])
def test_what_posture_refuses_of_the_file_as_it_is_is_told_and_what_runs_is_audited(
    bulkhead: Bulkhead, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def audited(*_arguments: object) -> AuditReport:
        return AuditReport(
            "unsound", "trusted", "test", (), (ControlReport(ControlId.AC1, "", Verdict.HOLDS, ()),), (), {}
        )

    monkeypatch.setattr("infra.cli.audit._run", audited)
    result = bulkhead("audit", "--stack", "unsound", *arguments)

    assert "The posture of stack unsound is unsound: " in result.stderr
    assert "AC1" in result.stdout
    assert result.exit_code == 1


def test_what_is_wrong_with_the_file_itself_is_told_whatever_tier_is_expected(bulkhead: Bulkhead) -> None:
    assert bulkhead("audit", "--stack", "invalid", "--tier", "governed").exit_code == 2


def test_a_file_without_a_tier_is_trusted_and_may_be_expected_to_be_more(bulkhead: Bulkhead, project: Path) -> None:
    (project / "Pulumi.other.yaml").write_text(SOUND.replace("  bulkhead:trust: {tier: trusted}\n", ""))

    assert bulkhead("audit", "--stack", "other", "--tier", "governed").exit_code == 3


def test_what_exists_is_looked_at_by_no_probe(bulkhead: Bulkhead) -> None:
    assert bulkhead("audit", "--existing", "--only", "packets").exit_code == 2


def test_without_kyvernos_command_line_what_exists_is_not_judged(
    bulkhead: Bulkhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.cli.existing.kyverno_binary", lambda: None)
    result = bulkhead("audit", "--existing", "--json")

    assert result.exit_code == 3
    assert "not on PATH" in result.stdout
