"""The scripts that keep one comment: made once, then found by its first line and its author, and edited."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.ci.workflows import CHECKOUT

CLIENT = """\
#!/bin/sh
echo "$@" >>"$STAND_INS/commands"
case "$*" in
  *--method*|*"query=mutation"*) ;;
  "api user") echo '{"id": 5, "username": "project_42_bot"}' ;;
  *) cat "$STAND_INS/pages" ;;
esac
"""
MARKER = "<!-- bulkhead preview: prod -->"
OURS, THEIRS = 5, 6
"""Numbers of users of GitLab: the token's, and somebody else's."""

Page = list[dict[str, Any]]


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    for name in ("gh", "glab"):
        (tmp_path / name).write_text(CLIENT)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "comment.md").write_text(f"{MARKER}\n## Preview\n")
    return tmp_path


def written(stand_ins: Path, script: str, place: str, pages: list[Any]) -> str:
    """What the script asks for in the end, with so many pages of comments there."""
    (stand_ins / "pages").write_text("\n".join(json.dumps(page) for page in pages))
    subprocess.run(
        [CHECKOUT / ".ci" / script, place, "7", "comment.md"],
        cwd=stand_ins,
        env={**os.environ, "STAND_INS": str(stand_ins), "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        timeout=60,
    )
    return (stand_ins / "commands").read_text().splitlines()[-1]


# --- GitLab -----------------------------------------------------------------------------------------------------


def note(number: int, body: str, author: int = OURS) -> dict[str, Any]:
    return {"id": number, "body": body, "author": {"id": author}}


def noted(stand_ins: Path, *pages: Page) -> str:
    return written(stand_ins, "upsert-note", "42", list(pages))


NEW_NOTE = "api --method POST projects/42/merge_requests/7/notes --field body=@comment.md --silent"


def test_a_merge_request_without_the_note_gets_one(stand_ins: Path) -> None:
    assert noted(stand_ins, [note(1, f"not {MARKER}")], []) == NEW_NOTE


def test_the_note_is_found_on_a_later_page_and_edited(stand_ins: Path) -> None:
    assert noted(stand_ins, [note(1, "first")], [note(2, f"{MARKER}\nold")]) == (
        "api --method PUT projects/42/merge_requests/7/notes/2 --field body=@comment.md --silent"
    )


def test_a_note_that_somebody_else_marked_is_left_alone(stand_ins: Path) -> None:
    assert noted(stand_ins, [note(1, f"{MARKER}\nall is well", THEIRS)]) == NEW_NOTE


def test_ones_own_note_is_found_behind_somebody_elses(stand_ins: Path) -> None:
    pages = [note(1, f"{MARKER}\nall is well", THEIRS), note(2, f"{MARKER}\nold")]

    assert "/notes/2 " in noted(stand_ins, pages)


# --- GitHub -----------------------------------------------------------------------------------------------------


def comment(identity: str, body: str, *, own: bool = True) -> dict[str, Any]:
    return {"id": identity, "body": body, "viewerDidAuthor": own}


def commented(stand_ins: Path, *pages: Page) -> str:
    return written(stand_ins, "upsert-comment", "example/platform", [answer(page) for page in pages])


def answer(page: Page) -> Mapping[str, Any]:
    return {"data": {"repository": {"pullRequest": {"comments": {"nodes": page}}}}}


NEW_COMMENT = "api --method POST repos/example/platform/issues/7/comments --field body=@comment.md --silent"


def test_a_pull_request_without_the_comment_gets_one(stand_ins: Path) -> None:
    assert commented(stand_ins, [comment("IC_1", f"not {MARKER}")], []) == NEW_COMMENT


def test_the_comment_is_found_on_a_later_page_and_edited(stand_ins: Path) -> None:
    asked = commented(stand_ins, [comment("IC_1", "first")], [comment("IC_2", f"{MARKER}\nold")])

    assert "updateIssueComment" in asked
    assert asked.endswith("--raw-field id=IC_2 --field body=@comment.md")


def test_a_comment_that_somebody_else_marked_is_left_alone(stand_ins: Path) -> None:
    assert commented(stand_ins, [comment("IC_1", f"{MARKER}\nall is well", own=False)]) == NEW_COMMENT


def test_ones_own_comment_is_found_behind_somebody_elses(stand_ins: Path) -> None:
    page = [comment("IC_1", f"{MARKER}\nall is well", own=False), comment("IC_2", f"{MARKER}\nold")]

    assert "id=IC_2 " in commented(stand_ins, page)


def test_the_comments_of_the_right_pull_request_are_asked_for_page_by_page(stand_ins: Path) -> None:
    commented(stand_ins, [])

    asked = (stand_ins / "commands").read_text().splitlines()[0]
    assert asked.startswith("api graphql --paginate ")
    assert asked.endswith("--raw-field owner=example --raw-field name=platform --field number=7")


def test_where_the_comments_cannot_be_read_none_is_written(stand_ins: Path) -> None:
    (stand_ins / "gh").write_text('#!/bin/sh\necho "$@" >>"$STAND_INS/commands"\nexit 1\n')

    with pytest.raises(subprocess.CalledProcessError):
        commented(stand_ins, [])

    assert "--method" not in (stand_ins / "commands").read_text()
