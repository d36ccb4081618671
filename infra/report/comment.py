"""Fitting Markdown into a comment: what matters least is shortened first, and what was left out is said."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

COMMENT_LIMIT = 65_536
"""Characters of a comment on GitHub, and fewer than what GitLab takes (1,000,000). Bytes are counted here: no measure
of text gives more than its UTF-8 form has, so that the text fits however it is counted."""
SEPARATOR = "\n\n"
LEFT_OUT = "_Left out, since a comment holds no more. `bulkhead diff` and `pulumi preview --diff` show all of it._"


@dataclass(frozen=True)
class Block:
    """A part of a comment.

    Attributes:
        variants: Its forms, the fullest first; the last one says at least what it stands for.
        rank: How late it is shortened; of two blocks the one of the lower rank goes first, then the larger one.
    """

    variants: tuple[str, ...]
    rank: int


def fitted(blocks: Sequence[Block], limit: int = COMMENT_LIMIT) -> str:
    """The blocks in their order, each as full as `limit` bytes let it be.

    Equal blocks give equal text. What still does not fit is cut at a line's end.
    """
    if _joined_size([size(block.variants[0]) for block in blocks]) <= limit:
        return SEPARATOR.join(block.variants[0] for block in blocks)
    chosen = _shortened(blocks, limit - size(SEPARATOR + LEFT_OUT))
    text = SEPARATOR.join([*(block.variants[at] for block, at in zip(blocks, chosen, strict=True)), LEFT_OUT])
    return text if size(text) <= limit else _cut(text, limit)


def size(text: str) -> int:
    """Bytes of `text` in UTF-8."""
    return len(text.encode("utf-8"))


def _joined_size(sizes: Sequence[int]) -> int:
    return sum(sizes) + max(len(sizes) - 1, 0) * len(SEPARATOR)


def _shortened(blocks: Sequence[Block], limit: int) -> list[int]:
    """Which variant of each block is taken."""
    sizes = [[size(variant) for variant in block.variants] for block in blocks]
    chosen = [0] * len(blocks)
    total = _joined_size([each[0] for each in sizes])
    queue = [(block.rank, -sizes[place][0], place) for place, block in enumerate(blocks) if len(block.variants) > 1]
    heapq.heapify(queue)
    while total > limit and queue:
        rank, _, place = heapq.heappop(queue)
        at = chosen[place]
        total += sizes[place][at + 1] - sizes[place][at]
        chosen[place] = at + 1
        if at + 2 < len(sizes[place]):
            heapq.heappush(queue, (rank, -sizes[place][at + 1], place))
    return chosen


def _cut(text: str, limit: int) -> str:
    room = limit - size(SEPARATOR + LEFT_OUT)
    kept = text.encode("utf-8")[:room].decode("utf-8", errors="ignore")
    return kept.rpartition("\n")[0] + SEPARATOR + LEFT_OUT
