"""By which stack file the policy pack judges: the stack's own, or the one that an update is made of."""

from pathlib import Path

import pytest
import yaml

from infra.config.trust import ControlId
from infra.guard.stack import guard_of_stack, judged_file
from tests.unit.config.documents import document


def written(folder: Path, name: str, tier: str) -> Path:
    parts = document({"trust.tier": tier, **({"tenants.1": ...} if tier == "trusted" else {})})
    (folder / name).write_text(yaml.safe_dump({"config": parts}))
    return folder / name


@pytest.fixture
def project(tmp_path: Path) -> Path:
    written(tmp_path, "Pulumi.prod.yaml", "trusted")
    return tmp_path


def test_the_stack_s_own_file_is_the_one_unless_another_is_named(project: Path) -> None:
    other = project / "step" / "Pulumi.prod.yaml"

    assert judged_file(project, "prod", {}) == project / "Pulumi.prod.yaml"
    assert judged_file(project, "prod", {"BULKHEAD_STACK_FILE": ""}) == project / "Pulumi.prod.yaml"
    assert judged_file(project, "prod", {"BULKHEAD_STACK_FILE": str(other)}) == other


def test_what_is_guarded_is_what_the_file_says(project: Path) -> None:
    own = guard_of_stack(project / "Pulumi.prod.yaml", "prod")
    step = guard_of_stack(written(project, "raised.yaml", "governed"), "prod")

    assert ControlId.SR1 not in own.in_force
    assert ControlId.SR1 in step.in_force
