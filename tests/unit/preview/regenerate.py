"""Write the reviewed comments anew: `.venv/bin/python -m tests.unit.preview.regenerate`. Then read the difference."""

from pathlib import Path

from infra.preview.document import read_preview
from infra.report.preview_markdown import preview_markdown
from tests.unit.diff.changes import GKE, changed, difference
from tests.unit.preview.steps import RECORDED


def golden_path(name: str) -> Path:
    """The reviewed comment on a recorded preview."""
    return RECORDED / f"{name}.md"


def rendered(name: str) -> str:
    """The comment on a recorded preview, below the same small posture diff for each."""
    text = (RECORDED / f"{name}.json").read_text(encoding="utf-8")
    posture = difference(GKE, changed(tenants__1__budget__usd=250))
    return preview_markdown(posture, read_preview(text)) + "\n"


def main() -> None:
    """Write each comment."""
    for path in sorted(RECORDED.glob("*.json")):
        golden_path(path.stem).write_text(rendered(path.stem), encoding="utf-8")


if __name__ == "__main__":
    main()
