"""Training steps of shipped recipes in tokens/s, compared with PyTorch.

Both train the shipped weights further on random texts, with the batches and the settings of the
recipe: dropout, weight drop, gradient, clipping, optimizer and moving average. Only the learning
rate is constant. Before they are timed, both take a few steps without dropout, and must have the
same losses. PyTorch packs rows of unequal length or pads them; padded, the reverse direction of a
row starts in its padding, so it computes another function. PyTorch runs
both also under `torch.autocast`; the ratio of bfloat16 is to the fastest of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

import textrnn
from benchmarks.texts import texts_of_lengths
from benchmarks.timing import side_by_side, table
from benchmarks.torch_classifier import TorchClassifier
from benchmarks.torch_generator import TorchGenerator
from benchmarks.torch_tagger import TorchTagger
from benchmarks.torch_trainer import TorchTrainer
from benchmarks.without_dropout import without_dropout
from textrnn.batching import Limits
from textrnn.predictor import Predictor
from textrnn.tasks import Batch, Row, StreamTask
from textrnn.tasks.classify.task import ClassifyConfig
from textrnn.tasks.generate.task import GenerateConfig
from textrnn.tasks.tag.task import TagConfig
from training.epochs import POOL, Epochs
from training.optimizer import make_optimizer
from training.recipe import Recipe, TrainConfig, load_recipe
from training.shards import shards_of, stacked
from training.step import initial_state, make_step, without_carry
from training.truncated_bptt import Streams

TOKENS = 2**14
"""Real tokens of the batches that are timed."""
CHECKED = 3
"""Steps whose losses are compared."""
ROUNDS = 3
OVERRIDES = ["train.optimizer.schedule=constant", "train.optimizer.warmup=0"]
REVIEWS = 0.1
"""Share of reviews in the texts of sentiment-en. The others are phrases."""

Pass = Callable[[], list[float]]
"""Takes a step with each batch, and returns their losses."""


class Workload(NamedTuple):
    """A recipe, a model to train further, and batches."""

    recipe: Recipe
    predictor: Predictor
    batches: list[Batch]

    @property
    def tokens(self) -> int:
        return sum(_tokens(batch) for batch in self.batches)

    @property
    def ragged(self) -> bool:
        return "lengths" in self.batches[0]

    def without_dropout(self) -> "Workload":
        model = without_dropout(self.recipe.model)
        train = without_dropout(self.recipe.train)
        recipe = self.recipe.model_copy(update={"model": model, "train": train})
        return Workload(recipe, self.predictor, self.batches[:CHECKED])


def main() -> None:
    rows = [_measure(workload()) for workload in (sentiment, entities, characters)]
    head = ["recipe", "textrnn", "bfloat16", "PyTorch", "PyTorch padded", "PyTorch bfloat16",
            "PyTorch bfloat16 padded", "ratio", "ratio bfloat16"]  # fmt: skip
    table("Training steps, in tokens/s", head, rows)


def sentiment() -> Workload:
    """Phrases of geometric length with a mean of 9 words, and reviews whose length is log-normal
    with a median of 200."""
    recipe, predictor = _load("sentiment-en")
    random = np.random.default_rng(0)
    count = POOL * recipe.train.rows
    reviews = random.lognormal(np.log(200), 0.6, count).astype(int)
    lengths = np.where(random.random(count) < REVIEWS, reviews, random.geometric(1 / 9, count))
    labels = random.choice(predictor.task.config.labels, count).tolist()
    some = texts_of_lengths(predictor, lengths)
    rows = [{"text": text, "label": label} for text, label in zip(some, labels, strict=True)]
    return Workload(recipe, predictor, _batches_of_rows(recipe, predictor, rows))


def entities() -> Workload:
    """Sentences whose length is log-normal with a median of 14 words, one in ten a name."""
    recipe, predictor = _load("ner-en")
    random = np.random.default_rng(0)
    lengths = random.lognormal(np.log(14), 0.6, POOL * recipe.train.rows).astype(int).clip(1)
    rows = []
    for text in texts_of_lengths(predictor, lengths):
        words = text.split()
        names = random.random(len(words)) < 0.1
        rows.append({"tokens": words, "tags": ["B-PER" if name else "O" for name in names]})
    return Workload(recipe, predictor, _batches_of_rows(recipe, predictor, rows))


def characters() -> Workload:
    """Chunks of streams of random characters, each with the state of the chunk before."""
    recipe, predictor = _load("shakespeare")
    config = recipe.train
    chunks = TOKENS // (config.rows * config.lengths[-1])
    count = config.rows * config.lengths[-1] * (chunks + 1)
    ids = np.random.default_rng(0).integers(4, len(predictor.task.tokenizer), count, np.int32)
    streams = Streams(ids, config)
    # The first chunk forgets what came before.
    return Workload(recipe, predictor, [streams.collate(c) for c in streams.batches(0)[1:]])


def _load(name: str) -> tuple[Recipe, Predictor]:
    return load_recipe(name, OVERRIDES), textrnn.load(name)


def _task(recipe: Recipe, predictor: Predictor) -> Any:
    """The task as it is trained."""
    config = recipe.train
    limits = Limits(length=config.lengths[-1], rows=config.rows, tokens=config.tokens)
    return replace(predictor.task, config=recipe.model, limits=limits)


def _batches_of_rows(recipe: Recipe, predictor: Predictor, rows: Sequence[Row]) -> list[Batch]:
    """The first batches of an epoch."""
    task = _task(recipe, predictor)
    options = task.options_type(truncate=True)
    examples = [task.read(row, options, gold=True) for row in rows]
    windows = [window for example in examples for window in example.windows]
    epochs = Epochs(windows, task.collate, recipe.train)
    batches, tokens = [], 0
    for group in epochs.batches(0):
        if tokens < TOKENS:
            batches.append(epochs.collate(group))
            tokens += _tokens(batches[-1])
    return batches


def _tokens(batch: Batch) -> int:
    return int(batch["lengths"].sum()) if "lengths" in batch else batch["ids"][:, 1:].size


def _measure(work: Workload) -> list[object]:
    checked = work.without_dropout()
    ours, theirs = textrnn_pass(checked, "float32")(), torch_pass(checked)()
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    runs: dict[str, Pass] = {
        "float32": textrnn_pass(work, "float32"),
        "bfloat16": textrnn_pass(work, "bfloat16"),
        "packed": torch_pass(work),
        "packed bfloat16": torch_pass(work, autocast=True),
    }
    if work.ragged:
        runs["padded"] = torch_pass(work, packed=False)
        runs["padded bfloat16"] = torch_pass(work, packed=False, autocast=True)
    seconds = side_by_side(runs, rounds=ROUNDS, calls=1)
    rates = {name: work.tokens / taken for name, taken in seconds.items()}
    single = max(rates["packed"], rates.get("padded", 0))
    fastest = max(single, rates["packed bfloat16"], rates.get("padded bfloat16", 0))
    columns = ("float32", "bfloat16", "packed", "padded", "packed bfloat16", "padded bfloat16")
    return [
        work.recipe.name, *(rates.get(name, "-") for name in columns),
        f"{rates['float32'] / single:.2f}", f"{rates['bfloat16'] / fastest:.2f}",
    ]  # fmt: skip


def textrnn_pass(work: Workload, precision: str) -> Pass:
    config = TrainConfig.parse({**work.recipe.train.model_dump(), "precision": precision}, "here")
    task = _task(work.recipe, work.predictor)
    loss, carry = without_carry(task), ()
    if isinstance(task, StreamTask):
        loss, carry = task.loss_with_carry, stacked([task.initial_carry(config.rows)])
    shards = shards_of(config)
    graph, _ = task.structure
    optimizer = make_optimizer(config.optimizer, 1)
    step = make_step(loss, graph, optimizer, config, shards)
    params = jax.tree.map(jnp.copy, work.predictor.params)  # the step takes what it is given
    state = initial_state(params, optimizer, config, carry)

    def run() -> list[float]:
        nonlocal state
        losses = []
        for batch in work.batches:
            state, mean = step(state, shards.put(stacked([batch])))
            losses.append(mean)
        return [float(mean) for mean in losses]

    return run


def torch_pass(work: Workload, packed: bool = True, autocast: bool = False) -> Pass:
    config, predictor = work.recipe.model, work.predictor
    match config:
        case ClassifyConfig():
            network = TorchClassifier(config, predictor.params, packed)
        case TagConfig():
            network = TorchTagger(config, predictor, packed)
        case GenerateConfig():
            network = TorchGenerator(config, predictor.params)
        case _:
            raise TypeError(type(config))
    trainer = TorchTrainer(network, work.recipe.train, autocast)
    batches = [_tensors(batch) for batch in work.batches]

    def run() -> list[float]:
        return [float(loss) for loss in [trainer.step(batch) for batch in batches]]

    return run


def _tensors(batch: Batch) -> dict[str, torch.Tensor]:
    """The arrays of a batch. Those of a ragged one become [rows, time, ...], without empty rows."""
    if "lengths" not in batch:
        return {"ids": _tensor(batch["ids"])}
    lengths = batch["lengths"][batch["lengths"] > 0]
    ends, capacity = np.cumsum(lengths), len(batch["ids"])
    tensors = {"lengths": _tensor(lengths)}
    for name in batch.keys() - {"lengths", "temperature"}:
        array = batch[name]
        if len(array) == capacity:
            parts = [_tensor(part) for part in np.split(array[: ends[-1]], ends[:-1])]
            tensors[name] = pad_sequence(parts, batch_first=True)
        else:
            tensors[name] = _tensor(array[: len(lengths)])
    return tensors


def _tensor(array: np.ndarray) -> torch.Tensor:
    """A copy, with integers of 64 bits."""
    return torch.tensor(array, dtype=torch.int64 if array.dtype.kind in "iu" else None)
