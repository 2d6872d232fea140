"""Requests begin and end a few at a time, in step with the event loop.

To parse and tokenise a request takes the loop as long as some ten refusals, and so does writing an
answer. When hundreds arrive together, or a batch of them is done, and all go on at once, nobody is
refused and nothing else is answered until all are through. So a few go on, the loop sees to what
else has come, then the next few. Those that end come first: their clients have waited.
"""

import asyncio
from collections import deque

_AT_ONCE = 2


class Pacer:
    def __init__(self) -> None:
        self._ending: deque[asyncio.Future[None]] = deque()
        self._beginning: deque[asyncio.Future[None]] = deque()
        self._moving = False

    def __len__(self) -> int:
        """How many wait to begin."""
        return len(self._beginning)

    async def begin(self) -> None:
        """Wait for one's turn to begin. Those who are cancelled meanwhile are passed over."""
        await self._take(self._beginning)

    async def end(self) -> None:
        """Wait for one's turn to answer."""
        await self._take(self._ending)

    async def _take(self, line: "deque[asyncio.Future[None]]") -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        line.append(turn)
        if not self._moving:
            self._moving = True
            loop.call_soon(self._next, loop)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        room = _AT_ONCE
        while room and (line := self._ending or self._beginning):
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1
        self._moving = bool(self._ending or self._beginning)
        if self._moving:
            loop.call_soon(self._next, loop)
