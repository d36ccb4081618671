"""own_comment.py MARKER [AUTHOR]: the first of the comments on standard input that is one's own and begins with MARKER.

Whoever may comment may write the marker, too, so that it alone tells nothing. Standard input holds pages as `gh` and
`glab` print them, one JSON document after the other. GitHub says itself what the token's owner wrote; GitLab's notes
are AUTHOR's, by the number of a user. Prints the comment's id, or nothing.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any


def comments(text: str) -> Iterator[dict[str, Any]]:
    """Every comment of every page."""
    rest = text.lstrip()
    while rest:
        page, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].lstrip()
        yield from page if isinstance(page, list) else page["data"]["repository"]["pullRequest"]["comments"]["nodes"]


def is_own(comment: dict[str, Any], author: str | None) -> bool:
    """Whether a comment was written by whom the token stands for."""
    return bool(comment["viewerDidAuthor"] if author is None else str(comment["author"]["id"]) == author)


def main(marker: str, author: str | None = None) -> None:
    """Print what is found."""
    for comment in comments(sys.stdin.read()):
        if comment["body"].startswith(marker) and is_own(comment, author):
            print(comment["id"])
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
