"""Every program, of inference and of training, lowers for GPUs and TPUs, which tests cannot use.

An export raises an error for an operation without a lowering, and for a call of a native kernel.
"""

import jax
import numpy as np
import pytest
from flax import nnx
from jax.export import export

from support import tiny_models
from textrnn import bundle
from textrnn.parameters import merge_model, split_model
from textrnn.platform import tracing_for
from textrnn.predictor import Predictor
from textrnn.tasks import StreamTask
from training.epochs import Epochs
from training.optimizer import make_optimizer
from training.recipe import load_recipe
from training.shards import shards_of, stacked
from training.step import initial_state, make_step, without_carry
from training.train import prepare
from training.truncated_bptt import Streams

PLATFORMS = ("cuda", "tpu")
NAMES = [name for name in tiny_models.RECIPES if name != "tiny-language"]
"""A model of each task."""


def lower(function, platform, *arguments):
    export(jax.jit(function), platforms=[platform])(*arguments)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_inference(name, platform):
    loaded = bundle.load_bundle(tiny_models.BUNDLES / name)
    task = loaded.task
    with tracing_for(platform):
        predictor = Predictor(task, loaded.params)
        graph, params = split_model(predictor.model())
        for shape in task.shapes():
            batch = task.collate([], shape)
            lower(
                lambda params, batch: task.predict(merge_model(graph, params), batch),
                platform, params, batch,
            )  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data root with the data and the recipes of the tiny models."""
    root = tmp_path_factory.mktemp("data")
    tiny_models.write_data(root)
    for name, recipe in tiny_models.RECIPES.items():
        (root / f"{name}.toml").write_text(recipe)
    return root


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_training(name, platform, precision, data, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(data))
    recipe = load_recipe(str(data / f"{name}.toml"), [f"train.precision={precision}"])
    prepared, config = prepare(recipe), recipe.train
    task = prepared.task
    examples = [task.read(row, task.options_type(truncate=True), True) for row in prepared.train]
    if isinstance(task, StreamTask):
        batches = Streams(np.concatenate([example.ids for example in examples]), config)
        loss, carry = task.loss_with_carry, stacked([task.initial_carry(batches.rows)])
    else:
        windows = [window for example in examples for window in example.windows]
        batches, carry = Epochs(windows, task.collate, config), ()
        loss = without_carry(task)
    optimizer = make_optimizer(config.optimizer, 10)
    graph, params = split_model(task.build(nnx.Rngs(0)))
    state = initial_state(params, optimizer, config, carry)
    batch = stacked([batches.collate(batches.batches(0)[0])])
    shards = shards_of(config)
    with tracing_for(platform):
        lower(make_step(loss, graph, optimizer, config, shards), platform, state, batch)
