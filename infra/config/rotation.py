"""Keys that are drawn anew: which generations of a key are taken at one time."""

from typing import Annotated

from pydantic import Field

Generation = Annotated[int, Field(ge=1, le=1_000_000)]
"""Which key is meant: another number, another key. The first is drawn with what it opens."""


def accepted_generations(newest: int, oldest: int | None) -> tuple[int, ...]:
    """The generations whose keys are taken, the newest last.

    Args:
        newest: The one in use.
        oldest: The oldest that is still taken; None: the one before the newest, so that raising the newest ends none
            that is in use.
    """
    return tuple(range(max(newest - 1, 1) if oldest is None else oldest, newest + 1))
