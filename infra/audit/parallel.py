"""Several requests at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WORKERS = 8
"""Requests at once; more gain nothing against one API server."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(look: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`look` at every item, several at a time, in order.

    An interruption is raised at once: what has not begun never does, and whoever has begun is not waited for.
    """
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="bulkhead-audit")
    try:
        return list(pool.map(look, items))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
