"""Equal configurations give equal bytes: in any order, in any process, with any hash seed."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def test_neither_the_order_of_lists_nor_the_hash_seed_changes_a_byte(tmp_path: Path) -> None:
    text = stack_file("prod").read_text(encoding="utf-8")
    shuffled = _shuffled(text)
    assert shuffled != yaml.safe_load(text)
    first, second = tmp_path / "first" / "Pulumi.prod.yaml", tmp_path / "second" / "Pulumi.prod.yaml"
    for path, content in ((first, text), (second, yaml.safe_dump(shuffled, sort_keys=False))):
        path.parent.mkdir()
        path.write_text(content, encoding="utf-8")

    assert printed(first, "0") == printed(second, "4242")


def _shuffled(text: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(text)
    generator = random.Random(7)  # noqa: S311 - an order, no secret
    for key in LISTS:
        generator.shuffle(document["config"][key])
    for tenant in document["config"]["bulkhead:tenants"]:
        generator.shuffle(tenant["models"])
    return document
