"""A way from what is deployed to what shall be, for people and for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from infra.report.text import printable
from infra.transition.steps import Step

PARTS = ("adds", "moves", "removes", "stays")
NOTHING_TOLD = "nothing of controls, pools, engines, queues or keys"


def transition_text(stack: str, tiers: tuple[str, str], steps: Sequence[Step]) -> str:
    """The steps, each with what is added, moved and removed in it; no final line break."""
    count = f"{len(steps)} update{'' if len(steps) == 1 else 's'}"
    return "\n".join([f"{stack}: {' > '.join(tiers)}, {count}", *_lines(steps)])


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield f"{number}. {step.title}: {step.because}"
        yield from (f"   {part:<8} {printable(sentence)}" for part, sentence in step_sentences(step))
        if is_silent(step):
            yield f"   {NOTHING_TOLD}"


def step_sentences(step: Step) -> Iterator[tuple[str, str]]:
    """What there is to say of one update: what it waits for, adds, moves, removes or leaves, each with a sentence."""
    if step.empty:
        yield "waits", f"until nothing runs on {', '.join(step.empty)}"
    for part in PARTS:
        sentences: tuple[str, ...] = getattr(step, part)
        yield from ((part, sentence) for sentence in sentences)


def is_silent(step: Step) -> bool:
    """Whether nothing that a way tells of changes by it."""
    return not any(getattr(step, part) for part in PARTS)


def transition_json(stack: str, tiers: tuple[str, str], steps: Sequence[Step]) -> str:
    """The same as JSON in ASCII; no final line break."""
    document = {"stack": stack, "from": tiers[0], "to": tiers[1], "steps": steps_document(steps)}
    return json.dumps(document, indent=2)


def steps_document(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps as plain lists, dictionaries and strings, with a `Step`'s fields."""
    return [asdict(step) for step in steps]
