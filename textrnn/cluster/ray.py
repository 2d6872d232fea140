"""Score chunks on the workers of a Ray cluster, or of a local one that is started here."""

from collections import deque
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import ray

from textrnn.scoring import RowChunk, Runner

IN_FLIGHT = 2
"""Chunks in flight per worker, so that none idles between two chunks."""


@ray.remote(num_cpus=1)
class Worker:
    """A process with the model loaded."""

    def __init__(self, model: str):
        import textrnn

        self._predictor = textrnn.load(model)

    def answer(self, examples: list[Any]) -> list[Any]:
        return self._predictor.answer(examples)


def on_ray(model: str, workers: int | None = None) -> Runner:
    """Run chunks on `workers` workers, by default one for each CPU of the cluster.

    A bundle directory must be readable by every worker under the same path.
    """
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    pool: list[Any] = [Worker.remote(model) for _ in range(count)]  # pyright: ignore

    def run(chunks: Iterator[RowChunk]) -> Iterator[RowChunk]:
        in_flight: deque[tuple[RowChunk, Any]] = deque()
        for worker, chunk in zip(cycle(pool), chunks, strict=False):
            in_flight.append((chunk, worker.answer.remote(chunk.examples)))
            if len(in_flight) == IN_FLIGHT * count:
                yield _with_answers(*in_flight.popleft())
        while in_flight:
            yield _with_answers(*in_flight.popleft())

    return run


def _with_answers(chunk: RowChunk, reference: Any) -> RowChunk:
    chunk.answers = ray.get(reference)
    return chunk
