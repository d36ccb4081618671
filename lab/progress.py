"""How the lab tells what it is doing: one line at a time, to whoever listens."""

from collections.abc import Callable

Progress = Callable[[str], None]
"""Receives one line of text without its end. Called from the thread that does the work."""


def silent(_line: str) -> None:
    """Say nothing: the listener of callers that want none."""
