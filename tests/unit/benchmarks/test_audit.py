"""What the benchmark of audits deploys and asks in each tier, and how it adds up."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.audit import TIERS, Audit, in_all, said, with_tenants
from infra.audit.report import PROBED_BY
from infra.cli.options import today
from infra.config.loader import load_stack_file
from infra.config.trust import Tier
from infra.posture import platform_of
from tests.lab.local_stack import plain_yaml

COMMITTED = yaml.safe_load((Path(__file__).parents[3] / "Pulumi.local.yaml").read_text())


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_is_deployed_soundly_and_looked_at_by_every_probe_that_tells_of_it(
    tier: Tier, tmp_path: Path
) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(plain_yaml(with_tenants(COMMITTED, 3, tier)))
    name, config = load_stack_file(file, today())
    posture = platform_of(name, config, today()).posture
    telling = {str(probe) for control in posture.in_force for probe in PROBED_BY.get(control, frozenset())}

    assert posture.sound
    assert (posture.tier, len(config.tenants)) == (tier, 3)
    assert telling <= set(TIERS[tier][1])
    assert config.trust.admission.replicas == 1


def audit(**counts: int) -> Audit:
    names = ("attacks_refused", "attacks_admitted", "work_passed", "work_refused")
    found: dict[str, Any] = {**dict.fromkeys(names, 0), **counts, "new_pod_windows": [], "controls": []}
    return Audit(1.0, found)


def test_what_probes_have_judged_is_added_up() -> None:
    audits = [audit(attacks_refused=10, work_passed=4), audit(attacks_refused=5, attacks_admitted=1, work_refused=2)]

    assert in_all(audits) == "1 of 16 attacks admitted, 2 of 6 works refused"


def test_a_probe_without_a_result_is_no_attack_that_was_refused() -> None:
    broken = Audit(1.0, None, "Error: the cluster does not answer")

    assert in_all([audit(attacks_refused=1), broken]).endswith("; 1 probes without a result")
    assert said(broken) == "Error: the cluster does not answer"
