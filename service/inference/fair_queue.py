"""Fair queueing: clients that wait share the device equally, however much each has sent.

Start-time fair queueing (Goyal, Vin and Cheng 1996, "Start-time Fair Queuing", algorithm 1): what a
client sends gets a start tag, the virtual time at which a device that served all clients at once
would begin with it. It is the present virtual time, or the end of what the client has in the queue
if that is later. What has the smallest start tag runs first. So a client that has nothing in the
queue waits for at most one text of each other client, and one that sends much waits for itself.

Virtual time advances with what runs, divided by the number of clients that share the device, and is
never behind the smallest start tag (Bennett and Zhang 1996, "WF2Q: Worst-case Fair Weighted Fair
Queueing", section 4, the virtual time of WF2Q+). With the start tag of what runs alone it would not
advance while new clients arrive, and the rest of an earlier request would starve.
"""

import heapq
from itertools import count
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class _Flow:
    """A client with items in the queue."""

    __slots__ = ("client", "finish", "items")

    def __init__(self, client: str):
        self.client = client
        self.finish = 0.0
        """The end, in virtual time, of what it has in the queue."""
        self.items = 0


class FairQueue(Generic[_Item]):
    """Items of clients, in one lane for each model, whose order is fair over all lanes together.

    An item is a request with several texts, or a generated text of several windows: it is in the
    queue once, with the cost of what it runs next, and is moved on when that has run. So the
    requests of a client take turns too. Not thread-safe.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, list[tuple[float, int, _Flow, _Item]]] = {}
        self._flows: dict[str, _Flow] = {}
        self._order = count()
        self._virtual = 0.0

    def __bool__(self) -> bool:
        return bool(self._flows)

    def push(self, lane: str, client: str, seconds: float, item: _Item) -> None:
        """Add an item whose next part takes so many seconds."""
        flow = self._flows.get(client)
        if flow is None:
            flow = self._flows[client] = _Flow(client)
        flow.items += 1
        start = max(self._virtual, flow.finish)
        flow.finish = start + seconds
        heap = self._lanes.setdefault(lane, [])
        heapq.heappush(heap, (start, next(self._order), flow, item))

    def next_lane(self) -> str:
        """The lane of the item that is first. Raises ValueError if there is none."""
        _, lane = min((heap[0][0], lane) for lane, heap in self._lanes.items() if heap)
        return lane

    def first(self, lane: str) -> _Item | None:
        """The first item of a lane."""
        heap = self._lanes.get(lane)
        return heap[0][3] if heap else None

    def move(self, lane: str, seconds: float) -> None:
        """Put the first item of a lane behind what its client has in the queue. Its next part takes
        so many seconds."""
        heap = self._lanes[lane]
        _, _, flow, item = heap[0]
        # Not after the present virtual time: this part has been waiting since the item was added.
        heapq.heapreplace(heap, (flow.finish, next(self._order), flow, item))
        flow.finish += seconds

    def pop(self, lane: str) -> None:
        """Remove the first item of a lane."""
        _, _, flow, _ = heapq.heappop(self._lanes[lane])
        flow.items -= 1
        if not flow.items:
            del self._flows[flow.client]

    def advance(self, seconds: float, clients: int) -> None:
        """Advance virtual time: parts have run that take so many seconds, while so many clients
        shared the device."""
        self._virtual += seconds / max(clients, 1)
        starts = [heap[0][0] for heap in self._lanes.values() if heap]
        if starts:
            self._virtual = max(self._virtual, min(starts))

    @property
    def clients(self) -> int:
        """How many clients have items in the queue."""
        return len(self._flows)
