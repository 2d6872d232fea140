"""Training of the network of sentiment-en in tokens/s, compared with PyTorch.

PyTorch multiplies in bfloat16 under `torch.autocast`. The ratio of bfloat16 is to the faster of
PyTorch's two runs.
"""

import numpy as np
import torch
from flax import nnx

from benchmarks.networks import TorchClassifier
from benchmarks.timing import side_by_side, table
from textrnn.batching import Limits
from textrnn.parameters import split_model
from textrnn.tasks.classify.task import Classify, ClassifyConfig
from textrnn.text import WordTokenizer
from training.optimizer import OptimizerConfig, make_optimizer
from training.recipe import TrainConfig
from training.step import initial_state, make_step, without_carry

VOCABULARY, SIZE, HIDDEN = 30_000, 192, 320
SHAPES = [(64, 16), (64, 64), (32, 256)]


def main() -> None:
    table(
        f"Training: {VOCABULARY} words of {SIZE}, BiLSTM of {HIDDEN}, Adam, in tokens/s",
        [
            "rows x steps",
            "textrnn",
            "textrnn bfloat16",
            "PyTorch",
            "PyTorch bfloat16",
            "ratio",
            "ratio bfloat16",
        ],
        [_measure(rows, steps) for rows, steps in SHAPES],
    )


def _measure(rows: int, steps: int) -> list[object]:
    random = np.random.default_rng(0)
    ids = random.integers(4, VOCABULARY, (rows, steps)).astype(np.int32)
    labels = random.integers(0, 2, rows)
    batch = {
        "ids": ids.reshape(-1),
        "lengths": np.full(rows, steps, np.int32),
        "targets": np.eye(2, dtype=np.float32)[labels],
    }
    seconds = side_by_side(
        {
            "float32": _ours("float32", batch),
            "bfloat16": _ours("bfloat16", batch),
            "torch": _torch(torch.float32, ids, labels),
            "torch bfloat16": _torch(torch.bfloat16, ids, labels),
        },
        rounds=9,
    )
    rates = {name: rows * steps / taken for name, taken in seconds.items()}
    fastest = max(rates["torch"], rates["torch bfloat16"])
    ratios = [f"{rates['float32'] / rates['torch']:.2f}", f"{rates['bfloat16'] / fastest:.2f}"]
    return [f"{rows} x {steps}", *rates.values(), *ratios]


def _ours(precision, batch):
    tokenizer = WordTokenizer([f"w{number}" for number in range(VOCABULARY - 4)])
    config = ClassifyConfig.parse(
        {"labels": ["a", "b"], "embedding": {"size": SIZE}, "encoder": {"hidden": HIDDEN}},
        source="benchmark",
    )
    task = Classify(config, tokenizer, Limits())
    graph, params = split_model(task.build(nnx.Rngs(0)))
    settings = TrainConfig(
        precision=precision, optimizer=OptimizerConfig(name="adam", clip=0, schedule="constant")
    )
    optimizer = make_optimizer(settings.optimizer, 1000)
    step = make_step(without_carry(task), graph, optimizer, settings)
    state = initial_state(params, optimizer, settings, ())

    def run() -> None:
        nonlocal state
        state, loss = step(state, batch)
        loss.block_until_ready()

    return run


def _torch(dtype, ids, labels):
    network = TorchClassifier(VOCABULARY, SIZE, HIDDEN, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    inputs, targets = torch.from_numpy(ids).long(), torch.from_numpy(labels)
    lengths = torch.full((len(ids),), ids.shape[1])

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(network(inputs, lengths), targets)
        loss.backward()
        optimizer.step()

    return run
