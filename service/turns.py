"""Requests begin one after the other, in step with the event loop.

To parse and tokenise a request takes the loop as long as some ten refusals. When hundreds arrive
together and all begin at once, no answer goes out and nobody is refused until all have begun. So
one begins, the loop sees to what else has come, then the next one begins. Where so much has come
that this took long, more of them begin, or refusals alone would keep the loop busy.
"""

import asyncio
from collections import deque

_EACH = 0.001
"""Seconds that it takes to begin, about."""


class Turns:
    def __init__(self) -> None:
        self._line: deque[asyncio.Future[None]] = deque()
        self._moving = False
        self._last = 0.0

    def __len__(self) -> int:
        """How many wait for their turn."""
        return len(self._line)

    async def take(self) -> None:
        """Wait for one's turn. Those who are cancelled meanwhile are passed over."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._line.append(turn)
        if not self._moving:
            self._moving, self._last = True, loop.time()
            loop.call_soon(self._next, loop)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        room, self._last = max(1, int((now - self._last) / _EACH / 2)), now
        while self._line and room:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1
        self._moving = bool(self._line)
        if self._moving:
            loop.call_soon(self._next, loop)
