"""Who begins when."""

import asyncio

from service.turns import Turns


def test_turns_come_in_order_and_pass_over_who_left():
    """Fails if one who left holds up the others, or the line stands still after it was empty."""

    async def go():
        turns, began = Turns(), []

        async def one(number):
            await turns.take()
            began.append(number)

        for _ in range(2):
            tasks = [asyncio.create_task(one(number)) for number in range(6)]
            while len(turns) < 6:
                await asyncio.sleep(0)
            for number in (0, 3, 5):
                tasks[number].cancel()
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
            while turns:
                await asyncio.sleep(0)
        return began

    assert asyncio.run(go()) == [1, 2, 4] * 2
