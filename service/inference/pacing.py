"""Requests begin and end a few at a time, in step with the event loop.

To parse and tokenise a request takes the event loop as long as about ten refusals, and so does
writing a response. If hundreds arrive together, or a batch of them is done, and all continue at
once, nothing else is refused or answered until all are through. So a few continue, the loop handles
what else has arrived, then the next few continue. Requests that end come first, since their clients
have waited.
"""

import asyncio
from collections import Counter, deque

_CONCURRENT = 2
"""Requests that continue in one iteration of the loop."""

Turns = deque[asyncio.Future[None]]


class Pacer:
    """Two queues of requests: those that wait to begin, and those that wait to send a response."""

    def __init__(self) -> None:
        self.beginning: Turns = deque()
        self.ending: Turns = deque()
        self.unread: Counter[str] = Counter()
        """Requests that wait to begin, by client."""
        self._scheduled = False

    async def begin(self, client: str) -> None:
        """Wait for the turn of a request of a client to begin."""
        self.unread[client] += 1
        try:
            await self.turn(self.beginning)
        finally:
            self.unread[client] -= 1
            if not self.unread[client]:
                del self.unread[client]

    def turn(self, queue: Turns) -> asyncio.Future[None]:
        """Done when it is this request's turn. A request that is cancelled meanwhile is skipped."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        queue.append(turn)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._release, loop)
        return turn

    def _release(self, loop: asyncio.AbstractEventLoop) -> None:
        left = _CONCURRENT
        while left and (queue := self.ending or self.beginning):
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                left -= 1
        self._scheduled = bool(self.ending or self.beginning)
        if self._scheduled:
            loop.call_soon(self._release, loop)
