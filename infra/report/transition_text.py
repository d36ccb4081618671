"""A way from what is deployed to what shall be, for people and for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from infra.report.text import printable
from infra.transition.steps import Step

PARTS = ("adds", "moves", "removes", "stays")


def transition_text(stack: str, tiers: tuple[str, str], steps: Sequence[Step]) -> str:
    """The steps, each with what is added, moved and removed in it; no final line break."""
    count = f"{len(steps)} update{'' if len(steps) == 1 else 's'}"
    return "\n".join([f"{stack}: {' > '.join(tiers)}, {count}", *_lines(steps)])


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield f"{number}. {step.title}: {step.because}"
        if step.empty:
            yield f"   waits    until nothing runs on {', '.join(step.empty)}"
        for part in PARTS:
            sentences: tuple[str, ...] = getattr(step, part)
            yield from (f"   {part:<8} {printable(sentence)}" for sentence in sentences)
        if not any(getattr(step, part) for part in PARTS):
            yield "   nothing of controls, pools, engines, queues or keys"


def transition_json(stack: str, tiers: tuple[str, str], steps: Sequence[Step]) -> str:
    """The same as JSON in ASCII; no final line break."""
    document = {"stack": stack, "from": tiers[0], "to": tiers[1], "steps": [asdict(step) for step in steps]}
    return json.dumps(document, indent=2)
