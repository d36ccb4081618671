"""Size and render time of a pull request's comment for a few, hundreds and thousands of changes. Needs no engine.

    .venv/bin/python -m benchmarks.comment

The changes are those of recorded previews, repeated for more tenants; reading the engine's JSON counts.
"""

import statistics
import time

from infra.preview.document import read_preview
from infra.report.comment import COMMENT_LIMIT, size
from infra.report.preview_markdown import preview_markdown
from tests.unit.diff.changes import GKE, changed, difference
from tests.unit.preview.steps import scaled

COUNTS = (10, 500, 2000)
RECORDED = ("tier-raised", "tier-lowered")
ROUNDS = 5


def main() -> None:
    """Print one line for each recorded preview and count."""
    posture = difference(GKE, changed(tenants__1__budget__usd=250))
    for name in RECORDED:
        for count in COUNTS:
            text = scaled(name, count)
            comment, seconds = "", list[float]()
            for _ in range(ROUNDS):
                start = time.perf_counter()
                comment = preview_markdown(posture, read_preview(text))
                seconds.append(time.perf_counter() - start)
            whole = size(preview_markdown(posture, read_preview(text), limit=10**9))
            print(
                f"{name}, {count} changes: {size(comment):,} of {COMMENT_LIMIT:,} bytes"
                f" (in full {whole:,}), {statistics.median(seconds) * 1000:.0f} ms"
            )


if __name__ == "__main__":
    main()
