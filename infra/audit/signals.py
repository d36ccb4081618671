"""What interrupts a command, and other answers to it for a while."""

import signal
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from types import FrameType

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, what ends a service, and what a closed terminal sends."""


@contextmanager
def answering(numbers: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Generator[None]:
    """Answer these signals by `handler` meanwhile; what is ignored, as a closed terminal is under nohup, stays so."""
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


@contextmanager
def uninterrupted(progress: Callable[[str], None] = lambda _: None) -> Generator[None]:
    """Let no second Ctrl-C leave half of a removal, nor a closed terminal; for what ends within a minute."""
    if not _hears():
        yield
        return

    def wait(_number: int, _frame: FrameType | None) -> None:
        progress("still removing what the audit made; this ends within a minute")

    with answering(INTERRUPTIONS, wait):
        yield


@contextmanager
def deferred() -> Generator[None]:
    """Let what is being made be made whole; an interruption meanwhile is raised afterwards, as KeyboardInterrupt."""
    if not _hears():
        yield
        return
    heard: list[int] = []
    with answering(INTERRUPTIONS, lambda number, _: heard.append(number)):
        yield
    if heard:
        raise KeyboardInterrupt


def _hears() -> bool:
    """Signals are answered by the main thread alone."""
    return threading.current_thread() is threading.main_thread()
