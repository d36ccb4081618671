"""How far an update is by what the engine prints, and that it is killed there."""

import os
import sys
from pathlib import Path

import pytest

from tests.lab.midway import Kill, changing, done_by, killed_midway
from tests.unit.preview.steps import recorded

PRINTED = """\
Updating (local):
@ updating....
 +  kubernetes:core/v1:Namespace a creating (0s)
 +  kubernetes:core/v1:Namespace a created (0.05s)
 ~  kubernetes:apps/v1:Deployment b updated (12s) [diff: ~spec]
 ++ kubernetes:core/v1:ConfigMap c created replacement (0.05s) [diff: ~data]
 +- kubernetes:core/v1:ConfigMap c replaced (0.00s) [diff: ~data]
 -  kubernetes:core/v1:Namespace d deleting (0s)[retain]
 -  kubernetes:core/v1:Namespace d deleted (0.02s)[retain]
    pulumi:pulumi:Stack bulkhead-local  1 warning
"""
PRINTS = f"import sys, time; sys.stdout.write({PRINTED!r}); sys.stdout.flush(); time.sleep(float(sys.argv[1]))"


def killed(objects: set[str], share: float, folder: Path, lingers: int = 60) -> Kill:
    command = [sys.executable, "-c", PRINTS, str(lingers)]
    return killed_midway(command, folder, os.environ, objects, share)


def test_what_the_engine_is_through_with_is_told_by_its_name() -> None:
    assert [name for line in PRINTED.splitlines() if (name := done_by(line))] == ["a", "b", "c", "c", "d"]


@pytest.mark.parametrize(("share", "done"), [(0.25, 1), (0.5, 2), (0.75, 3)])
def test_it_is_killed_once_the_share_of_the_objects_is_through(share: float, done: int, tmp_path: Path) -> None:
    kill = killed({"a", "b", "c", "d"}, share, tmp_path)

    assert (kill.midway, kill.done, kill.of) == (True, done, 4)


def test_one_that_ended_before_was_not_killed_in_its_middle(tmp_path: Path) -> None:
    kill = killed({"a", "b", "c", "d", "e"}, 0.99, tmp_path, lingers=0)

    assert (kill.midway, kill.status, kill.done) == (False, 0, 4)
    assert "1 warning" in kill.said


def test_what_an_update_would_touch_is_read_from_a_preview() -> None:
    names = changing(recorded("tier-lowered"))

    assert {"gateway-deployment", "gateway-configuration", "namespaces-kyverno"} <= names
    assert names.isdisjoint({"api-server", "bulkhead-local", "kyverno"})
