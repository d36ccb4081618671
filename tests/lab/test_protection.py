"""What is protected is not deleted, whoever asks for it, and nothing of the platform goes with the attempt."""

import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.cli import exit_codes
from lab.cluster import Kubectl
from tests.lab.local_stack import STACK, LocalStack
from tests.lab.platform import TeamPlatform, platform_objects
from tests.lab.records import Records, records

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1500)]

ANOTHER_SIZE = {"storage": "2Gi"}
"""Of the database's volume, which no StatefulSet can change: another one would take its place."""


@dataclass(frozen=True)
class Protected:
    """A team's platform whose database may not be deleted."""

    stack: LocalStack
    kubectl: Kubectl

    def whole(self) -> tuple[Records, set[str], set[str]]:
        """All that there is to lose: what the database and the Secrets hold, namespaces, and what the engine knows."""
        known = {one["urn"] for one in self.stack.engine.exported()["deployment"]["resources"]}
        return records(self.kubectl), platform_objects(self.kubectl), known

    def destroy(self, *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        """`bulkhead destroy` as a person runs it, who types something where it asks."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("bulkhead")), "destroy", "--stack", STACK, *arguments],
            cwd=self.stack.folder,
            env=self.stack.engine.environment,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def protected(team: TeamPlatform, kubectl: Kubectl) -> Generator[Protected]:
    gateway = team.stack.value("gateway")
    with team.stack.edited(gateway={**gateway, "database": {**gateway["database"], "deletion_protection": True}}):
        team.stack.deploy()
        yield Protected(team.stack, kubectl)
    team.stack.deploy()


@pytest.fixture
def untouched(protected: Protected) -> Generator[None]:
    """Whatever a test tries, all is there afterwards, and an update has nothing to do."""
    before, objects, known = protected.whole()
    yield
    after, objects_after, known_after = protected.whole()
    assert after.lost_since(before) == []
    assert (objects_after, known_after) == (objects, known)
    assert protected.stack.changes() == {}


@pytest.mark.usefixtures("untouched")
def test_another_name_destroys_nothing_typed_or_as_an_option(protected: Protected) -> None:
    asked, told = protected.destroy(typed="prod\n"), protected.destroy("--confirm", "prod")

    assert "Type the stack's name to go on" in asked.stderr
    for refused in (asked, told):
        assert refused.returncode == exit_codes.INVALID, refused.stdout + refused.stderr
        assert "cannot be made again: StatefulSet bulkhead-gateway/database, protected" in refused.stderr
        assert f"what was typed is not the stack's name, {STACK}" in refused.stderr
        assert refused.stdout == ""


@pytest.mark.usefixtures("untouched")
def test_the_right_name_destroys_nothing_while_the_database_is_protected(protected: Protected) -> None:
    refused = protected.destroy("--confirm", STACK)

    assert refused.returncode == exit_codes.FAILED, refused.stdout + refused.stderr
    assert "because it is protected" in refused.stdout + refused.stderr
    assert "the stack file protects StatefulSet bulkhead-gateway/database" in refused.stderr
    assert "deletion_protection: false under bulkhead:gateway.database" in refused.stderr


@pytest.mark.usefixtures("untouched")
def test_the_engine_by_itself_destroys_nothing_either(protected: Protected) -> None:
    refused = protected.stack.engine.capture("destroy", "--yes")

    assert refused.status != 0
    assert "database-stateful-set" in refused.stdout + refused.stderr
    assert "because it is protected" in refused.stdout + refused.stderr


@pytest.mark.usefixtures("untouched")
def test_an_update_in_which_another_database_would_take_its_place_is_refused(protected: Protected) -> None:
    gateway = protected.stack.value("gateway")
    with protected.stack.edited(gateway={**gateway, "database": {**gateway["database"], **ANOTHER_SIZE}}):
        refused = protected.stack.engine.capture("preview")

    assert refused.status != 0
    assert "unable to replace resource" in refused.stdout + refused.stderr
    assert "currently marked for protection" in refused.stdout + refused.stderr
