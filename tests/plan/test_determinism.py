"""Equal configurations give equal bytes: in any order, in any process, with any hash seed."""

import copy
import datetime
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plan.stacks import stack_file

LISTS = ("bulkhead:tenants", "bulkhead:models", "bulkhead:pools")
RUN = """
import sys
from infra.cli.main import cli
for form in ("json", "yaml", "table"):
    cli(["plan", "--stack-file", sys.argv[1], "--format", form], standalone_mode=False)
"""
"""All formats from one process, since loading the SDKs takes longer than planning."""


def printed(path: Path, seed: str) -> bytes:
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(path)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_neither_the_order_of_lists_nor_the_hash_seed_changes_a_byte(stack: str, tmp_path: Path) -> None:
    document = _with_waivers_that_last(yaml.safe_load(stack_file(stack).read_text(encoding="utf-8")))
    shuffled = _shuffled(document)
    assert shuffled != document
    first, second = (tmp_path / folder / f"Pulumi.{stack}.yaml" for folder in ("first", "second"))
    for path, content in ((first, document), (second, shuffled)):
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    assert printed(first, "0") == printed(second, "4242")


def _with_waivers_that_last(document: dict[str, Any]) -> dict[str, Any]:
    """The committed stack with waivers that hold on whatever day the test runs: the command asks the real clock."""
    changed = copy.deepcopy(document)
    for waiver in changed["config"]["bulkhead:trust"].get("waivers", ()):
        waiver["expires"] = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=100)
    return changed


def _shuffled(original: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(original)
    generator = random.Random(8)  # noqa: S311 - an order, no secret
    for key in LISTS:
        generator.shuffle(document["config"][key])
    for tenant in document["config"]["bulkhead:tenants"]:
        generator.shuffle(tenant["models"])
    return document
