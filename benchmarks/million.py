"""Batch scoring of a million rows of mixed length: padding, rate and memory.

python -m benchmarks.million [ROWS [MODEL]]     default: 1,000,000 language-id

The number of tokens of a row, without BOS and EOS, is geometric with a mean of 25. `tokens in
shapes` is the capacity of the batches that ran, for which memory is allocated and cleared. The
native recurrent kernels multiply the real tokens only: at each step the rows that have not ended.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

import textrnn
from benchmarks.texts import texts_of_lengths
from benchmarks.timing import table
from textrnn import native
from textrnn.predictor import Predictor
from textrnn.scoring import RowChunk, local, score

ROWS, MODEL = 1_000_000, "language-id"
MEAN = 25
DISTINCT = 20_000
"""Different texts, which repeat."""


@dataclass
class Count:
    """What ran."""

    tokens: int = 0
    capacity: int = 0
    batches: int = 0


def main(rows: str = str(ROWS), model: str = MODEL) -> None:
    # In its own process, so that its memory is that of the job alone.
    code = f"from benchmarks import million; million.measure({int(rows)}, {model!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    head = ["rows", "batches", "real tokens", "tokens in shapes", "real", "rows/s", "tokens/s",
            "memory before, MiB", "peak, MiB"]  # fmt: skip
    title = f"{model}: rows of {MEAN} tokens on average"
    table(f"{title} ({native.description()})", head, [measured])


def measure(rows: int, model: str) -> None:
    predictor, count = textrnn.load(model), Count()
    predictor.compile()
    lengths = np.random.default_rng(0).geometric(1 / MEAN, min(rows, DISTINCT))
    texts = texts_of_lengths(predictor, lengths)
    run = local(predictor)
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.csv", Path(folder) / "out.csv"
        with source.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "text"])
            writer.writerows((number, texts[number % len(texts)]) for number in range(rows))
        before = psutil.Process().memory_info().rss
        began = time.perf_counter()
        progress = score(
            predictor.task, lambda chunks: run(_counted(predictor, chunks, count)),
            [source], output, identity=model,
        )  # fmt: skip
        seconds = time.perf_counter() - began
    assert progress.records == rows  # a few texts are only white space, and refused
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([
        f"{rows:,}", f"{count.batches:,}", f"{count.tokens:,}", f"{count.capacity:,}",
        f"{count.tokens / count.capacity:.0%}", rows / seconds, count.tokens / seconds,
        before / 2**20, peak / 2**20,
    ]))  # fmt: skip


def _counted(predictor: Predictor, chunks: Iterator[RowChunk], count: Count) -> Iterator[RowChunk]:
    """The same chunks; adds the batches in which each of them runs."""
    for chunk in chunks:
        groups = predictor.plan(chunk.examples)
        count.batches += len(groups)
        count.capacity += sum(group.shape.tokens for group in groups)
        count.tokens += sum(len(example) for example in chunk.examples)
        yield chunk


if __name__ == "__main__":
    main(*sys.argv[1:])
