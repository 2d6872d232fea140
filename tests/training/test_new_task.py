"""A new task is one class and one entry of TASKS."""

import random
from dataclasses import dataclass
from typing import Any, NotRequired

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jaxtyping import Array, Float

import textrnn
from support.http_calls import call
from support.models import ready
from textrnn.batching import TokenBatch, ragged_ids
from textrnn.config import Config
from textrnn.layers.ragged import sum_rows
from textrnn.tasks import TASKS, Example, Metric, Options, Outputs, Task
from textrnn.tasks.task import encode, field
from training.job import run
from training.recipe import load_recipe

RECIPE = """
name = "ratings"
task = "rate"
probes = ["a good film"]
[data]
train = [{path = "ratings.csv"}]
[tokenizer]
size = 50
[train]
epochs = 30
rows = 32
lengths = [16]
optimizer = {rate = 5e-2}
[limits]
length = 16
rows = 4
tokens = 64
"""


class RateConfig(Config):
    """A linear model has no hyperparameters."""


class BagOfWords(nnx.Module):
    """The sum of one weight for each word."""

    def __init__(self, vocabulary: int):
        self.weights = nnx.Param(jnp.zeros(vocabulary))

    def __call__(self, batch: TokenBatch) -> Float[Array, " rows"]:
        return sum_rows(self.weights[...][batch["ids"]], batch["lengths"])


@dataclass(frozen=True)
class RateExample(Example):
    target: float | None


class RateBatch(TokenBatch):
    targets: NotRequired[Float[Any, " rows"]]


@dataclass(frozen=True, eq=False)
class Rate(Task[RateConfig, RateExample, RateBatch]):
    """Predict a number for a text."""

    name = "rate"
    config_type = RateConfig
    options_type = Options
    pipeline_tag = "text-regression"
    row_fields = ("text", "rating")
    metrics = (Metric("squared_error", "squared error", lower_is_better=True),)

    def build(self, rngs):
        return BagOfWords(len(self.tokenizer))

    def read(self, row, options, gold=False):
        ids, truncated = encode(self, field(row, "text"), options.truncate)
        return RateExample(ids, truncated, float(field(row, "rating")) if gold else None)

    def collate(self, windows, shape):
        batch: Any = {**ragged_ids([window.ids for window in windows], shape)}
        if windows and windows[0].target is not None:
            batch["targets"] = np.zeros(shape.rows, np.float32)
            batch["targets"][: len(windows)] = [window.target for window in windows]
        return batch

    def loss(self, model, batch, key):
        weights = jnp.asarray(batch["lengths"] > 0, jnp.float32)
        errors = (model(batch) - jnp.asarray(batch.get("targets"))) ** 2
        return (errors * weights).sum(), weights.sum()

    def predict(self, model, batch):
        return Outputs(model(batch))

    def answer(self, outputs, example):
        (output,) = outputs
        return {"rating": float(output.rows)}

    def columns(self, options):
        return {"rating": float}

    def score(self, answers, rows):
        errors = [a["rating"] - float(row["rating"]) for a, row in zip(answers, rows, strict=True)]
        return {"squared_error": float(np.square(errors).mean())}


def test_one_entry_makes_a_task_usable(context, tmp_path, monkeypatch):
    """From a recipe to a bundle, a report, answers and the list of models. Fails if training, the
    bundle or the server depends on the names or the fields of the tasks that exist."""
    monkeypatch.setitem(TASKS, Rate.name, Rate)
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    draw = random.Random(0)
    rows = [draw.choices(["good", "bad", "film"], k=draw.randint(1, 9)) for _ in range(300)]
    lines = [f"{' '.join(words)},{words.count('good') - words.count('bad')}" for words in rows]
    (tmp_path / "ratings.csv").write_text("\n".join(["text,rating", *lines]) + "\n")
    (tmp_path / "ratings.toml").write_text(RECIPE)

    info = run(load_recipe(str(tmp_path / "ratings.toml")), tmp_path / "run", resume=False)
    assert info.metrics["heldout"]["squared_error"] < 1e-3
    assert "squared_error" in (tmp_path / "run" / "report.md").read_text()
    bundle = tmp_path / "run" / "bundle"
    assert "| squared error |" in (bundle / "README.md").read_text()

    answers = textrnn.load(bundle).predict(["good good film", "a bad film", "film " * 9])
    ratings = [answer["rating"] for answer in answers]
    assert ratings == pytest.approx([2, -1, 0], abs=0.1)

    context.models.add(ready(bundle))
    card = call(context, "GET", "/v1/models/ratings").json()
    assert (card["task"], card["cells"], card["default"]) == ("rate", None, True)
