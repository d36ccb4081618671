"""Write the reviewed comments and differences anew: `.venv/bin/python -m tests.unit.preview.regenerate`.

Then read what git says has changed.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path

import yaml

from infra.cli.differences import difference_between
from infra.diff import StackDifference
from infra.preview.document import read_preview
from infra.report.preview_markdown import preview_markdown
from tests.fixtures.record_previews import STACK, changes, deployed
from tests.unit.diff.changes import TODAY
from tests.unit.preview import repartitioned
from tests.unit.preview.steps import RECORDED, scaled

SCALED = tuple((name, changes) for name in ("tier-raised", "tier-lowered") for changes in (1, 2000))
"""Recorded previews whose steps are repeated until there are so many changes, the fewest and the most."""


def golden_path(name: str, count: int | None = None) -> Path:
    """The reviewed comment on a recorded preview, or on as many changes made of it."""
    return RECORDED / (f"{name}.md" if count is None else f"{name}-{count}-changes.md")


@functools.cache
def posture(name: str) -> StackDifference:
    """What the change means that a recorded preview is of, as of the day of the tests."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-preview-") as folder:
        before, after = (Path(folder) / side / f"Pulumi.{STACK}.yaml" for side in ("before", "after"))
        for path, config in ((before, deployed()), (after, changes()[name])):
            path.parent.mkdir()
            path.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
        return difference_between(before, after, ("before", "after"), TODAY)


def rendered(name: str, count: int | None = None) -> str:
    """The comment on a recorded preview, or on as many changes made of it, below the difference that it is of.

    The offline plan is taken to say what the engine said, so that what is recorded and what is counted above it agree.
    """
    recorded = (RECORDED / f"{name}.json").read_text(encoding="utf-8")
    preview = read_preview(recorded if count is None else scaled(name, count))
    difference = posture(name)
    planned = None if difference.resources is None else preview.changes
    return preview_markdown(dataclasses.replace(difference, resources=planned), preview) + "\n"


def main() -> None:
    """Write each comment, and each form of the reviewed difference."""
    for path in sorted(RECORDED.glob("*.json")):
        golden_path(path.stem).write_text(rendered(path.stem), encoding="utf-8")
    for name, count in SCALED:
        golden_path(name, count).write_text(rendered(name, count), encoding="utf-8")
    for name, made in repartitioned.FORMS.items():
        (repartitioned.FOLDER / name).write_text(f"{made()}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
