"""Golden plans: how they are written, and the one command that writes them anew."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from infra.plan import Plan
from infra.plan.document import plan_document
from tests.plan.stacks import PROJECT_FOLDER

GOLDEN_FOLDER = Path(__file__).parent / "golden"
URNS = GOLDEN_FOLDER / "urns.txt"
WAYS = GOLDEN_FOLDER / "ways.txt"
REGENERATE = ".venv/bin/python -m tests.plan.regenerate"


def golden_path(stack: str) -> Path:
    """The reviewed plan of a stack."""
    return GOLDEN_FOLDER / f"{stack}.json"


def golden_text(plan: Plan) -> str:
    """The plan as it is kept: a script of this repository by its path, other text of several lines as its lines."""
    return json.dumps(_written(plan_document(plan)), indent=1, sort_keys=True) + "\n"


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in cast("list[Any]", value)]
    if isinstance(value, str) and value in _scripts():
        return f"[the text of {_scripts()[value]}]"
    if isinstance(value, str) and "\n" in value:
        return {"[text]": value.split("\n")}
    return value


@functools.cache
def _scripts() -> dict[str, str]:
    """Text → path of the component files that are given to pods as they stand."""
    paths = sorted((PROJECT_FOLDER / "components").rglob("*.py"))
    texts = {path.read_text(encoding="utf-8"): path.relative_to(PROJECT_FOLDER).as_posix() for path in paths}
    return {text: path for text, path in texts.items() if text.strip()}
