"""The scripts that keep one comment: made once, then found by its first line and edited."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.ci.workflows import CHECKOUT

CLIENT = """\
#!/bin/sh
echo "$@" >>"$STAND_INS/commands"
case "$*" in *--method*) ;; *) cat "$STAND_INS/pages" ;; esac
"""
MARKER = "<!-- bulkhead preview: prod -->"


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    (tmp_path / "glab").write_text(CLIENT)
    (tmp_path / "glab").chmod(0o755)
    (tmp_path / "comment.md").write_text(f"{MARKER}\n## Preview\n")
    return tmp_path


def note(stand_ins: Path, *pages: list[dict[str, Any]]) -> list[str]:
    (stand_ins / "pages").write_text("\n".join(json.dumps(page) for page in pages))
    subprocess.run(
        [CHECKOUT / ".ci" / "upsert-note", "42", "7", "comment.md"],
        cwd=stand_ins,
        env={**os.environ, "STAND_INS": str(stand_ins), "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        timeout=60,
    )
    return (stand_ins / "commands").read_text().splitlines()


def test_a_merge_request_without_the_note_gets_one(stand_ins: Path) -> None:
    other = {"id": 1, "body": f"not {MARKER}"}

    assert note(stand_ins, [other], [])[1:] == [
        "api --method POST projects/42/merge_requests/7/notes --field body=@comment.md --silent"
    ]


def test_the_note_is_found_on_a_later_page_and_edited(stand_ins: Path) -> None:
    pages: list[list[dict[str, Any]]] = [[{"id": 1, "body": "first"}], [{"id": 2, "body": f"{MARKER}\nold"}]]

    assert note(stand_ins, *pages)[1:] == [
        "api --method PUT projects/42/merge_requests/7/notes/2 --field body=@comment.md --silent"
    ]
