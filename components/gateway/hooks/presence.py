"""What LiteLLM is told of callers that leave: nothing, so that whatever was asked for is answered, and charged, whole.

LiteLLM charges a stream that is left by an estimate, one that is left before its first piece nothing, and on the path
of completions nothing at any time (seen on LiteLLM 1.106.2). A plain request that is left it answers to nobody and
charges whole; with this a stream is as a plain request is. Needs the standard library alone.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import replace
from typing import Any

from .administration import key_id
from .errors import Problem, Situation
from .keys import keys_in
from .usage import PATH as COMPLETIONS_PATH

LEFT_OF_A_KEY = 64
"""Streams that run on for nobody at one replica, from which on nothing more is asked with their key.

Those that are open then go on, and may be left as well: so one key has at most one fewer than this under way for nobody
beside what the edge lets it have open at one time. Without it leaving would free the connections that the edge counts,
and a caller could fill the engines' queues and this process' memory at no cost but money.
"""
SPARE_SECONDS = 50
"""How much later than others the layer ends a stream of completions, so that LiteLLM ends it in between.

LiteLLM charges an estimate for one that it ends by itself and nothing for one that is left, and on the responses API
the other way round. It counts from when the engine begins to answer, and looks at the clock at each piece: of a stream
that has waited or is silent for longer than what is left of this, nothing is charged.
"""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

logger = logging.getLogger(__name__)


class Presences:
    """The callers of one process.

    Args:
        seconds: How long a stream may take; it is ended then, whether or not anybody waits for it.
        most: From how many streams that run on for nobody nothing more is asked with their key.
        spare: How many seconds more a stream of completions may take.
    """

    def __init__(self, seconds: float, most: int = LEFT_OF_A_KEY, spare: float = SPARE_SECONDS) -> None:
        self._seconds = seconds
        self._most = most
        self._spare = spare
        self._left: Counter[bytes] = Counter()

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> Problem | None:
        """Why nothing more is asked with a request's key for now, or None."""
        if all(self._left[key] < self._most for key in keys_in(headers)):
            return None
        message = "Too many streams of this API key that were left are still under way; try again when one has ended."
        return replace(Situation.TOO_MANY_AT_ONCE.value, message=message)

    def begin(
        self,
        path: str,
        content: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        receive: Receive,
        is_answered: Callable[[], bool],
    ) -> "Presence":
        """The caller of a request.

        Args:
            path: What is asked.
            content: The request's body, which was read already.
            headers: With the key in one spelling.
            receive: Tells when the caller leaves; a server says the same once the answer is whole.
            is_answered: Whether the whole answer was handed over to the server.
        """
        seconds = self._seconds + (self._spare if path == COMPLETIONS_PATH else 0)
        ends = asyncio.get_running_loop().time() + seconds
        keys = keys_in(headers)
        return Presence(content, receive, ends, is_answered, lambda by: self._change(keys, by))

    def _change(self, keys: frozenset[bytes], by: int) -> None:
        for key in keys:
            self._left[key] += by
            if self._left[key] <= 0:
                del self._left[key]
            elif by > 0 and self._left[key] == self._most:
                name = key_id(key.decode("ascii"))
                logger.warning("%d left streams of the key %s run on; it gets 429 until one ends", self._most, name)


class Presence:
    """One caller, as LiteLLM sees it: there until its answer's time is over.

    Attributes:
        is_over: Whether LiteLLM was told that the caller has left, since its answer's time is over.
    """

    def __init__(
        self,
        content: bytes,
        receive: Receive,
        ends: float,
        is_answered: Callable[[], bool],
        change_left: Callable[[int], None],
    ) -> None:
        self._body: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]
        self._receive = receive
        self._ends = ends
        self._is_answered = is_answered
        self._change_left = change_left
        self._is_counted = False
        self.is_over = False

    async def receive(self) -> Message:
        """The body once, and then nothing until the time is over."""
        if self._body:
            return self._body.pop()
        if not self.is_over:
            await self._wait()
        return {"type": "http.disconnect"}

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout_at(self._ends):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
                self._count()
                await asyncio.Event().wait()
        except TimeoutError:
            self.is_over = True

    def end(self) -> None:
        """The answer is whole, or will not be."""
        if self._is_counted:
            self._change_left(-1)

    def _count(self) -> None:
        # A server also says that the caller has left when its answer is whole, though it has stayed.
        if not self._is_counted and not self._is_answered():
            self._is_counted = True
            self._change_left(1)
