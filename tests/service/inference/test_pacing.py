"""The order in which requests begin and end."""

import asyncio

from service.inference.pacing import Pacer


def test_requests_begin_in_order_and_cancelled_ones_are_skipped():
    """Fails if a cancelled request blocks the others, or the pacer stops when idle."""

    async def go():
        pacer, began = Pacer(), []

        async def one(number):
            await pacer.turn(pacer.beginning)
            began.append(number)

        for _ in range(2):
            tasks = [asyncio.create_task(one(number)) for number in range(6)]
            while len(pacer.beginning) < 6:
                await asyncio.sleep(0)
            for number in (0, 3, 5):
                tasks[number].cancel()
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
            while pacer.beginning:
                await asyncio.sleep(0)
        return began

    assert asyncio.run(go()) == [1, 2, 4] * 2


def test_ending_requests_come_first_and_a_few_continue_at_a_time():
    """Fails if responses wait for a burst of requests, or a whole burst continues at once."""

    async def go():
        pacer, order = Pacer(), []

        async def one(name, queue):
            await pacer.turn(queue)
            order.append(name)

        most = before = 0
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(one(f"begin {number}", pacer.beginning))
            for number in range(2):
                group.create_task(one(f"end {number}", pacer.ending))
            while len(order) < 8:
                await asyncio.sleep(0)
                most, before = max(most, len(order) - before), len(order)
        return order, most

    order, most = asyncio.run(go())
    assert order == ["end 0", "end 1", *(f"begin {number}" for number in range(6))]
    assert most <= 2


def test_requests_that_have_not_begun_are_counted_by_client():
    """Fails if a cancelled request counts for good, or clients are remembered."""

    async def go():
        pacer = Pacer()
        tasks = [asyncio.create_task(pacer.begin(client)) for client in "aaabb"]
        while len(pacer.beginning) < 5:
            await asyncio.sleep(0)
        counted = dict(pacer.unread)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return counted, dict(pacer.unread)

    assert asyncio.run(go()) == ({"a": 3, "b": 2}, {})
