"""What LiteLLM is told of callers that leave: nothing, so that whatever was asked for is answered, and charged, whole.

LiteLLM charges a stream that is left by an estimate, one that is left before its first piece nothing, and on the path
of completions nothing at any time (seen on LiteLLM 1.106.2). A plain request that is left it answers to nobody and
charges whole; with this a stream is as a plain request is. Needs the standard library alone.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from .errors import Problem, Situation
from .keys import keys_in
from .usage import PATH as COMPLETIONS_PATH

LEFT_OF_A_KEY = 64
"""Streams that run on for nobody at one replica and were asked for with one key. Leaving costs a caller nothing but
money; without an end to it, one could fill the engines' queues and this process' memory with what it never reads."""
SPARE_SECONDS = 20
"""How much later than LiteLLM the layer ends a stream of completions. LiteLLM charges an estimate for one that it ends
by itself and nothing for one that is left, and on the responses API the other way round."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Presences:
    """The callers of one process.

    Args:
        seconds: How long an answer may take; it is ended then, whether or not anybody waits for it.
        most: How many streams with one key may run on for nobody.
    """

    def __init__(self, seconds: float, most: int = LEFT_OF_A_KEY) -> None:
        self._seconds = seconds
        self._most = most
        self._left: Counter[bytes] = Counter()

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> Problem | None:
        """Why nothing more is asked with a request's key for now, or None."""
        full = any(self._left[key] >= self._most for key in keys_in(headers))
        return Situation.TOO_MANY_AT_ONCE.value if full else None

    def begin(self, path: str, content: bytes, headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> "Presence":
        """The caller of a request whose body was read already."""
        seconds = self._seconds + (SPARE_SECONDS if path == COMPLETIONS_PATH else 0)
        ends = asyncio.get_running_loop().time() + seconds
        return Presence(content, receive, ends, self._left, keys_in(headers))


class Presence:
    """One caller, as LiteLLM sees it: there until its answer's time is over.

    Attributes:
        is_over: Whether LiteLLM was told that the caller has left, since its answer's time is over.
    """

    def __init__(
        self, content: bytes, receive: Receive, ends: float, left: Counter[bytes], keys: frozenset[bytes]
    ) -> None:
        self._body: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]
        self._receive = receive
        self._ends = ends
        self._left = left
        self._keys = keys
        self._is_counted = False
        self.is_over = False

    async def receive(self) -> Message:
        """The body once, and then nothing until the time is over."""
        if self._body:
            return self._body.pop()
        try:
            async with asyncio.timeout_at(self._ends):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
                self._count()
                await asyncio.Event().wait()
        except TimeoutError:
            self.is_over = True
        return {"type": "http.disconnect"}

    def end(self) -> None:
        """The answer is whole, or will not be."""
        if self._is_counted:
            self._left.subtract(self._keys)
            for key in self._keys:
                if self._left[key] <= 0:
                    del self._left[key]

    def _count(self) -> None:
        if not self._is_counted:
            self._is_counted = True
            self._left.update(self._keys)
