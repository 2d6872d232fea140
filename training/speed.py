"""Throughput of a model, relative to the matrix product rate of the machine."""

import os
import platform
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from textrnn.predictor import Predictor
from textrnn.tasks import Example, Task

ROWS, LENGTH = 64, 64
"""Texts of a batch, and their tokens, if the model takes as many."""


def measure(predictor: Predictor) -> dict[str, float]:
    """Tokens per second in full batches, and the share of the peak rate that its products reach.

    The peak is the rate of one large float32 matrix product, measured immediately before.
    """
    peak = matmul_flops_per_second()
    limits = predictor.task.limits
    rows, length = min(ROWS, limits.rows), min(LENGTH, limits.length)
    examples = [_example(predictor.task, length)] * rows
    groups = predictor.plan(examples)
    seconds = best_of(lambda: predictor.run(examples, groups))
    tokens = sum(len(example) for example in examples)
    speed: dict[str, float] = {
        "rows": rows,
        "length": length,
        "tokens_per_second": round(tokens / seconds),
    }
    if any(name.startswith("decoder") for name in predictor.params):
        return speed  # the number of search steps depends on the translations
    return speed | {"peak_share": round(flops_per_token(predictor) * tokens / seconds / peak, 3)}


def _example(task: Task, length: int) -> Example:
    """An example of random tokens that fills one window of this length, or nearly."""
    ids = np.random.default_rng(0).integers(4, len(task.tokenizer), length)
    options = task.options_type(truncate=True)
    for words in range(length, 0, -1):
        example = task.read({"text": task.tokenizer.decode(ids[:words])}, options)
        window = max(example.windows, key=len)
        if len(window) <= length:
            return example if len(example.windows) == 1 else window
    raise ValueError("no word fits")


def machine() -> str:
    """The name of the processor or accelerator."""
    kind = jax.local_devices()[0].device_kind
    if kind != "cpu":
        return f"{len(jax.local_devices())} x {kind}"
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as stream:
            names = [line.split(":")[1].strip() for line in stream if line.startswith("model name")]
    except OSError:  # not Linux
        names = []
    return f"{next(iter(names), model)}, {os.cpu_count()} cores"


def flops_per_token(predictor: Predictor) -> int:
    """Floating-point operations of the encoder: two per weight of its kernels."""
    kernels = (p for n, p in predictor.params.items() if n.startswith("encoder") and p.ndim == 2)
    return 2 * sum(kernel.size for kernel in kernels)


def matmul_flops_per_second(size: int = 2048) -> float:
    a = jnp.ones((size, size))
    product = jax.jit(lambda a: a @ a)
    return 2 * size**3 / best_of(lambda: product(a).block_until_ready())


def best_of(run: Callable[[], object], times: int = 7) -> float:
    """The shortest of several runs in seconds, after a warm-up run."""
    run()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
