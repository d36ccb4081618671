"""Write the reviewed comments anew: `.venv/bin/python -m tests.unit.preview.regenerate`. Then read the difference."""

from pathlib import Path

from infra.preview.document import read_preview
from infra.report.preview_markdown import preview_markdown
from tests.unit.diff.changes import GKE, changed, difference
from tests.unit.preview.steps import RECORDED, scaled

SCALED = tuple((name, changes) for name in ("tier-raised", "tier-lowered") for changes in (1, 2000))
"""Recorded previews whose steps are repeated until there are so many changes, the fewest and the most."""


def golden_path(name: str, changes: int | None = None) -> Path:
    """The reviewed comment on a recorded preview, or on as many changes made of it."""
    return RECORDED / (f"{name}.md" if changes is None else f"{name}-{changes}-changes.md")


def rendered(name: str, changes: int | None = None) -> str:
    """The comment on a recorded preview, or on as many changes made of it, below the same small posture diff."""
    recorded = (RECORDED / f"{name}.json").read_text(encoding="utf-8")
    text = recorded if changes is None else scaled(name, changes)
    posture = difference(GKE, changed(tenants__1__budget__usd=250))
    return preview_markdown(posture, read_preview(text)) + "\n"


def main() -> None:
    """Write each comment."""
    for path in sorted(RECORDED.glob("*.json")):
        golden_path(path.stem).write_text(rendered(path.stem), encoding="utf-8")
    for name, changes in SCALED:
        golden_path(name, changes).write_text(rendered(name, changes), encoding="utf-8")


if __name__ == "__main__":
    main()
