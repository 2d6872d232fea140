"""The request batcher, with a function as the model: each request gets its own answer."""

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from service.errors import Problem
from service.inference.admission import Admission
from service.inference.batcher import Batcher
from service.inference.readiness import Readiness
from service.observe.metrics import ServiceMetrics
from service.settings import Settings
from textrnn.batching import Limits
from textrnn.tasks import Example

LIMITS = Limits(length=16, rows=8, tokens=64)


class Model:
    """Answers an example with its number. The batching is real, the network is not."""

    def __init__(self, name="m"):
        self.info = SimpleNamespace(name=name)
        self.name = name
        self.predictor = self
        self.task = SimpleNamespace(limits=LIMITS)
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def run(self, parts):
        self.entered.set()
        assert self.gate.wait(30)
        numbers = [int(window.ids[0]) for part in parts for window in part.windows]
        self.batches.append(numbers)
        if 666 in numbers:
            raise RuntimeError("this one is cursed")
        return [part.windows for part in parts]

    def outcome(self, example, outputs) -> Any:
        return {"number": int(outputs[0].ids[0])}


def of(number, length=3):
    return Example(np.full(length, number, np.int32), truncated=False)


def make_batcher(rows, tokens):
    settings = Settings(queue_rows=rows, queue_tokens=tokens, texts=1)
    metrics = ServiceMetrics()
    return Batcher(Admission(settings, metrics, Readiness()), metrics)


@pytest.fixture
def batcher():
    batcher = make_batcher(5000, 100_000)
    yield batcher
    batcher.close()


async def submit(batcher, model, examples, seconds, on_progress=None, client="me"):
    return await batcher.submit(model, examples, seconds, client, on_progress)


def waiting(batcher):
    """The number of texts in the queue."""
    return batcher._admission.limits.total.texts


def numbers(result):
    return [answer["number"] for answer in result.answers]


def test_each_of_thousands_of_requests_gets_its_own_answer(batcher):
    """From many tasks at once, with 1 to 39 texts. Fails if answers are swapped or lost."""
    models = [Model("a"), Model("b")]
    random = np.random.default_rng(0)
    requests = [random.integers(0, 500, size=random.integers(1, 40)) for _ in range(1500)]

    async def go():
        at_once = asyncio.Semaphore(100)  # as many as fit into the queue

        async def one(index, expected):
            examples = [of(n, int(random.integers(1, 17))) for n in expected]
            async with at_once:
                return await submit(batcher, models[index % 2], examples, 60)

        return await asyncio.gather(*(one(i, expected) for i, expected in enumerate(requests)))

    for result, expected in zip(asyncio.run(go()), requests, strict=True):
        assert numbers(result) == expected.tolist()
    ran = [n for model in models for batch in model.batches for n in batch]
    assert len(ran) == sum(map(len, requests))
    assert waiting(batcher) == 0


def test_batches_respect_the_token_budget_and_fill_up(batcher):
    model = Model()
    model.gate.clear()

    async def go():
        first = asyncio.create_task(submit(batcher, model, [of(0)], 30))
        await asyncio.to_thread(model.entered.wait)
        rest = [asyncio.create_task(submit(batcher, model, [of(n)], 30)) for n in range(1, 20)]
        while waiting(batcher) < 19:
            await asyncio.sleep(0)
        model.gate.set()
        await asyncio.gather(first, *rest)

    asyncio.run(go())
    assert model.batches == [[0], list(range(1, 9)), list(range(9, 17)), [17, 18, 19]]


def test_long_texts_fill_a_batch_with_their_tokens(batcher):
    model = Model()
    examples = [of(n, 16) for n in range(10)]
    assert numbers(asyncio.run(submit(batcher, model, examples, 30))) == list(range(10))
    assert max(len(batch) for batch in model.batches) == 4


def test_one_bad_text_does_not_fail_its_neighbours(batcher):
    """Fails if an exception in a batch reaches other requests of that batch."""
    model = Model()
    model.gate.clear()

    async def go():
        first = asyncio.create_task(submit(batcher, model, [of(0)], 30))
        await asyncio.to_thread(model.entered.wait)
        tasks = [asyncio.create_task(submit(batcher, model, [of(n)], 30)) for n in (1, 666, 2)]
        while waiting(batcher) < 3:
            await asyncio.sleep(0)
        model.gate.set()
        return await asyncio.gather(first, *tasks, return_exceptions=True)

    zero, one, cursed, two = asyncio.run(go())
    assert [numbers(r) for r in (zero, one, two)] == [[0], [1], [2]]
    assert isinstance(cursed, RuntimeError)


def test_cancelled_requests_never_run(batcher):
    """Fails if texts of disconnected clients are run."""
    model = Model()
    model.gate.clear()

    async def go():
        first = asyncio.create_task(submit(batcher, model, [of(0)], 30))
        await asyncio.to_thread(model.entered.wait)
        tasks = [asyncio.create_task(submit(batcher, model, [of(n)], 30)) for n in range(1, 7)]
        while waiting(batcher) < 6:
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks[::2])
        model.gate.set()
        return await asyncio.gather(first, *tasks, return_exceptions=True)

    results = asyncio.run(go())
    assert [isinstance(r, asyncio.CancelledError) for r in results] == [False] + [True, False] * 3
    assert sorted(n for batch in model.batches for n in batch) == [0, 2, 4, 6]
    assert waiting(batcher) == 0


def test_late_requests_never_run(batcher):
    model = Model()
    model.gate.clear()

    async def go():
        first = asyncio.create_task(submit(batcher, model, [of(0)], 30))
        await asyncio.to_thread(model.entered.wait)
        with pytest.raises(Problem) as caught:
            await submit(batcher, model, [of(1)], 0.05)
        assert caught.value.status == 504
        model.gate.set()
        return await first

    assert numbers(asyncio.run(go())) == [0]
    deadline = time.monotonic() + 30
    while waiting(batcher):
        assert time.monotonic() < deadline
    assert model.batches == [[0]]


def test_the_model_that_waited_longest_is_next(batcher):
    """Fails if a busy model starves another one."""
    busy, other = Model("busy"), Model("other")
    busy.gate.clear()
    order = []
    for model in (busy, other):
        real = model.run
        model.run = lambda e, m=model, real=real: (order.append(m.name), real(e))[1]  # type: ignore

    async def go():
        first = asyncio.create_task(submit(batcher, busy, [of(0)], 30))
        await asyncio.to_thread(busy.entered.wait)
        rest = []
        for number, model in enumerate([busy] * 8 + [other] + [busy] * 20):
            rest.append(asyncio.create_task(submit(batcher, model, [of(number)], 30)))
            await asyncio.sleep(0)
        while waiting(batcher) < 29:
            await asyncio.sleep(0)
        busy.gate.set()
        await asyncio.gather(first, *rest)

    asyncio.run(go())
    assert order[:3] == ["busy", "busy", "other"]


def test_the_queue_is_bounded_in_rows_and_tokens():
    for bounds, size in (((4, 1000), 3), ((1000, 64), 16)):
        batcher, model = make_batcher(*bounds), Model()
        model.gate.clear()

        async def go(batcher=batcher, model=model, size=size):
            first = asyncio.create_task(submit(batcher, model, [of(0)], 30))
            await asyncio.to_thread(model.entered.wait)
            rest = [
                asyncio.create_task(submit(batcher, model, [of(n, size)], 30)) for n in range(4)
            ]
            while waiting(batcher) < 4:
                await asyncio.sleep(0)
            with pytest.raises(Problem) as caught:
                await submit(batcher, model, [of(9, size)], 30)
            assert caught.value.status == 429
            model.gate.set()
            await asyncio.gather(first, *rest)
            return await submit(batcher, model, [of(9, size)], 30)

        assert numbers(asyncio.run(go())) == [9]
        batcher.close()


class Countdown(Model):
    """Runs an example of number n as n, n - 1 ... 1, one after the other."""

    def outcome(self, example, outputs):
        number = int(example.ids[0])
        return of(number - 1) if number > 1 else super().outcome(example, outputs)


def test_streams_join_and_leave_between_batches(batcher):
    """Fails if a stream waits for others to end, or its later chunks do not share their batches."""
    model = Countdown()
    model.gate.clear()

    async def go():
        long = asyncio.create_task(submit(batcher, model, [of(6)], 30))
        await asyncio.to_thread(model.entered.wait)
        short = asyncio.create_task(submit(batcher, model, [of(2)], 30))
        while waiting(batcher) < 1:
            await asyncio.sleep(0)
        model.gate.set()
        return await asyncio.gather(long, short)

    results = asyncio.run(go())
    assert [numbers(result) for result in results] == [[1], [1]]
    assert model.batches == [[6], [5, 2], [4, 1], [3], [2], [1]]
    assert waiting(batcher) == 0


def test_more_streams_than_slots_all_end(batcher):
    model = Countdown()
    result = asyncio.run(submit(batcher, model, [of(3) for _ in range(12)], 30))
    assert numbers(result) == [1] * 12
    assert max(len(batch) for batch in model.batches) == 8
    assert sorted(n for batch in model.batches for n in batch) == [1] * 12 + [2] * 12 + [3] * 12


def test_progress_is_reported_for_each_chunk(batcher):
    model, reported = Countdown(), []

    async def go():
        return await submit(
            batcher, model, [of(4)], 30, lambda e, result: reported.append(int(e.ids[0]))
        )

    asyncio.run(go())
    assert reported == [3, 2, 1]


def test_a_stream_whose_client_left_frees_its_slot(batcher):
    model, begun = Countdown(), threading.Event()

    async def go():
        work = asyncio.create_task(submit(batcher, model, [of(10**9)], 30, lambda *_: begun.set()))
        while not begun.is_set():
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return await submit(batcher, model, [of(1)], 30)

    assert numbers(asyncio.run(go())) == [1]
    while waiting(batcher):
        pass
    ran = len(model.batches)
    assert numbers(asyncio.run(submit(batcher, model, [of(1)], 30))) == [1]
    assert len(model.batches) == ran + 1


def test_a_stream_ends_at_its_deadline(batcher):
    model = Countdown()
    with pytest.raises(Problem) as caught:
        asyncio.run(submit(batcher, model, [of(10**9)], 0.2))
    assert caught.value.status == 504
