"""Score chunks on the workers of a Ray cluster; without one, on a local one."""

from collections import deque
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import ray

from textrnn.scoring import Chunk, Runner

AHEAD = 2
"""Chunks under way for each worker, so that none of them waits for its next."""


@ray.remote(num_cpus=1)
class Worker:
    """A process with the model loaded."""

    def __init__(self, model: str):
        import textrnn

        self._predictor = textrnn.load(model)

    def answer(self, examples: list[Any]) -> list[Any]:
        return self._predictor.answer(examples)


def on_ray(model: str, workers: int | None = None) -> Runner:
    """Run chunks on `workers` workers, one for each CPU of the cluster if not given.

    A bundle directory must be readable from every worker under the same path.
    """
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    pool: list[Any] = [Worker.remote(model) for _ in range(count)]  # pyright: ignore

    def run(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        under_way: deque[tuple[Chunk, Any]] = deque()
        for worker, chunk in zip(cycle(pool), chunks, strict=False):
            under_way.append((chunk, worker.answer.remote(chunk.examples)))
            if len(under_way) == AHEAD * count:
                yield _answered(*under_way.popleft())
        while under_way:
            yield _answered(*under_way.popleft())

    return run


def _answered(chunk: Chunk, waiting: Any) -> Chunk:
    chunk.answers = ray.get(waiting)
    return chunk
