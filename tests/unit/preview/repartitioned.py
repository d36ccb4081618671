"""A GPU of GKE that is divided otherwise, as `bulkhead diff` and `bulkhead preview` tell of it: by two updates."""

import functools
import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.cli.differences import difference_between
from infra.diff import StackDifference
from infra.preview.model import EnginePreview
from infra.report.diff_json import difference_json
from infra.report.diff_markdown import difference_markdown
from infra.report.diff_table import print_difference
from infra.report.preview_markdown import preview_markdown
from tests.plan.stacks import document_of
from tests.plan.ways import REPARTITIONED
from tests.unit.diff.changes import TODAY

FOLDER = Path(__file__).parents[2] / "fixtures" / "differences"
STACK = "prod"


@functools.cache
def difference() -> StackDifference:
    """What the change means, as of the day of the tests."""
    return _between(REPARTITIONED)


def comment() -> str:
    """The comment on the change, with a preview of its first update.

    The offline plan of that update is taken to say what the engine says.
    """
    whole = difference()
    first = _between({**REPARTITIONED, "bulkhead:retiring_pools": [dict(one) for one in whole.way[0].retiring]})
    preview = EnginePreview(first.resources or (), (), ())
    return preview_markdown(whole, preview, first=True)


def table() -> str:
    """The difference as a person reads it."""
    stream = io.StringIO()
    print_difference(difference(), stream)
    return stream.getvalue().removesuffix("\n")


FORMS: Mapping[str, Callable[[], str]] = {
    "repartitioned.txt": table,
    "repartitioned.md": lambda: difference_markdown(difference()),
    "repartitioned.json": lambda: difference_json(difference()),
    "repartitioned-comment.md": comment,
}
"""Name of each reviewed text → how it is made."""


def _between(after: Mapping[str, Any]) -> StackDifference:
    with tempfile.TemporaryDirectory(prefix="bulkhead-difference-") as folder:
        paths = [Path(folder) / side / f"Pulumi.{STACK}.yaml" for side in ("before", "after")]
        for path, config in zip(paths, (document_of(STACK), dict(after)), strict=True):
            path.parent.mkdir()
            path.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
        return difference_between(paths[0], paths[1], ("before", "after"), TODAY)
