"""Each committed stack's whole plan is the one that was reviewed."""

import difflib

import pytest

from tests.plan.golden_files import REGENERATE, URNS, golden_path, golden_text
from tests.plan.regenerate import aliased_urns, current_urns
from tests.plan.stacks import STACKS, committed_plan

SHOWN_LINES = 80


@pytest.mark.parametrize("stack", STACKS)
def test_the_plan_is_the_reviewed_one(stack: str) -> None:
    reviewed = golden_path(stack).read_text(encoding="utf-8") if golden_path(stack).exists() else ""
    planned = golden_text(committed_plan(stack))

    if planned != reviewed:
        difference = list(difflib.unified_diff(reviewed.splitlines(), planned.splitlines(), "reviewed", "now", n=2))
        shown = "\n".join(difference[:SHOWN_LINES])
        more = f"\n... and {len(difference) - SHOWN_LINES} lines more" if len(difference) > SHOWN_LINES else ""
        pytest.fail(f"{stack} would be deployed differently. If that is meant: {REGENERATE}\n{shown}{more}")


def test_no_urn_vanishes_without_an_alias() -> None:
    """A URN that vanishes is a resource that is deleted, and another made: for a database, its data."""
    lost = set(URNS.read_text(encoding="utf-8").split()) - current_urns() - aliased_urns()

    assert not lost, f"alias what took their place, or delete their lines from {URNS.name} if they are to go"


def test_every_urn_is_on_record() -> None:
    missing = current_urns() - set(URNS.read_text(encoding="utf-8").split())

    assert not missing, f"put them on record with {REGENERATE}"
