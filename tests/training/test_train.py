"""Training runs: complete ones to test files, the training loop alone to test weights, and real
processes to test kills and several devices."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from flax import nnx

import textrnn
from support.bundles import same_parameters, weights
from support.command import textrnn_here
from textrnn.bundle import load_bundle
from textrnn.errors import UserError
from textrnn.parameters import Params, split_model
from training.job import run
from training.log import read_metrics
from training.optimizer import OptimizerConfig, make_optimizer
from training.recipe import TrainConfig, load_recipe
from training.shards import shards_of, stacked
from training.step import drop_weights, initial_state, make_step, without_carry
from training.train import fit, prepare


@pytest.fixture(autouse=True)
def root(tiny_data, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tiny_data))


def train(tiny_data, directory, *settings, resume=False):
    """A complete run, from the recipe to the bundle and the report."""
    return run(load_recipe(str(tiny_data / "tiny.toml"), settings), directory, resume)


def fitted(tiny_data, directory: Path, *settings) -> Params:
    """The best weights of the training loop. Its log and checkpoints are in `directory`."""
    directory.mkdir()
    params, _ = fit(prepare(load_recipe(str(tiny_data / "tiny.toml"), settings)), directory)
    return params


def development(directory: Path, metric: str) -> list[tuple[int, float]]:
    """Step and value of each development measurement in a run's log."""
    entries = read_metrics(directory / "metrics.jsonl")
    return [(int(e["step"]), e[f"heldout.{metric}"]) for e in entries if f"heldout.{metric}" in e]


def test_a_run_solves_its_task_and_writes_its_files(tiny_run):
    """From CSV to bundle. Fails if a stage breaks, or a file of the run is not written."""
    info = load_bundle(tiny_run / "bundle").info
    assert info.metrics["heldout"]["accuracy"] == 1
    assert info.training.rows["train"] + info.training.rows["heldout"] == 300
    assert info.training.data[0].licence == "CC0-1.0"
    for name in (
        "recipe.toml",
        "metrics.jsonl",
        "report.md",
        "curves.png",
        "confusion-heldout.png",
    ):
        assert (tiny_run / name).stat().st_size > 0
    assert list((tiny_run / "events").iterdir())
    entries = read_metrics(tiny_run / "metrics.jsonl")
    steps = [entry for entry in entries if "loss" in entry]
    assert set(steps[0]) == {"step", "loss", "tokens_per_s", "learning_rate"}
    assert "heldout.accuracy" in entries[-1]
    assert steps[-1]["loss"] < steps[0]["loss"]


def test_report_shows_curves_confusion_mistakes_and_recipe(tiny_run):
    """Fails if a part of the report is missing, or an image is invalid."""
    report = (tiny_run / "report.md").read_text()
    for part in (
        "heldout",
        "friendly",
        "![loss, metrics",
        "![given labels",
        "of 32 rows are wrong",
        'name = "tiny"',
    ):
        assert part in report
    for picture in tiny_run.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_equal_seeds_give_equal_weights_and_others_do_not(tiny_data, tmp_path):
    """Fails if anything random does not follow from the seed, or the seed has no effect."""
    a, b, c = (
        fitted(tiny_data, tmp_path / name, "train.epochs=1", f"train.seed={seed}")
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert same_parameters(a, b)
    assert not same_parameters(a, c)


SETTINGS = [
    "augment.typing_error=0.5",
    "train.epochs=3", "train.checkpoint_every=5", "train.evaluate_every=7", "train.ema=0.9",
    "train.weight_drop=0.2", "model.dropout=0.3", "model.embedding.word_dropout=0.1",
    "train.log_every=1", 'storage="float32"',
]  # fmt: skip


@pytest.mark.process
def test_killed_and_resumed_equals_uninterrupted(tiny_data, tmp_path):
    """A real process, killed twice with SIGKILL. Fails if a checkpoint lacks any state that
    determines the weights: order, dropout, moments, average, best weights."""
    whole = fitted(tiny_data, tmp_path / "whole", *SETTINGS)
    directory = tmp_path / "killed"
    arguments = [
        "train", tiny_data / "tiny.toml", *SETTINGS, "--output", directory, "--resume",
    ]  # fmt: skip
    for kill_after in (12, 27):
        process = subprocess.Popen(
            [sys.executable, "-m", "textrnn", *arguments], stderr=subprocess.DEVNULL, env=os.environ
        )
        wait_for_step(directory / "metrics.jsonl", kill_after, process)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not (directory / "bundle").exists()
    done = textrnn_here(*arguments)
    assert done.returncode == 0, done.stderr
    assert "from step 25" in done.stderr
    assert same_parameters(whole, weights(directory))
    measured = development(directory, "log_loss")
    assert measured
    assert measured == development(tmp_path / "whole", "log_loss")


def wait_for_step(path: Path, step: int, process) -> None:
    """Return as soon as the run has logged that step."""
    deadline = time.monotonic() + 300
    while not any(entry["step"] >= step for entry in read_metrics(path)):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline


ON_DEVICES = """
import sys
from pathlib import Path
import safetensors.numpy
from training.recipe import load_recipe
from training.train import fit, prepare
recipe, directory, *settings = sys.argv[1:]
for devices in (1, 2):
    folder = Path(directory, str(devices))
    folder.mkdir()
    chosen = load_recipe(recipe, [*settings, f"train.devices={devices}", "train.shards=2"])
    params, _ = fit(prepare(chosen), folder)
    safetensors.numpy.save_file({k: v.__array__() for k, v in params.items()}, folder / "weights")
"""


TWO_DEVICES = "--xla_force_host_platform_device_count=2"


@pytest.mark.process
def test_two_devices_equal_one_within_rounding(tiny_data, tmp_path):
    """In a process with two virtual CPU devices. Fails if gradients are averaged over devices with
    unequal rows, or dropout differs by device."""
    settings = [*SETTINGS, "train.optimizer.name=sgd", "train.optimizer.rate=0.5"]
    subprocess.run(
        [sys.executable, "-c", ON_DEVICES, tiny_data / "tiny.toml", tmp_path, *settings],
        env={**os.environ, "XLA_FLAGS": f"{os.environ['XLA_FLAGS']} {TWO_DEVICES}"},
        check=True, capture_output=True,
    )  # fmt: skip
    one, two = (safetensors.numpy.load_file(tmp_path / name / "weights") for name in "12")
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=2e-4)
    with pytest.raises(UserError, match=r"train\.devices is 64, but this host has"):
        train(tiny_data, tmp_path / "64", "train.devices=64", "train.rows=64")


def test_a_run_is_neither_overwritten_nor_mixed_with_another(tiny_data, tiny_run, tmp_path):
    """Fails if a finished run can be overwritten, or resumed with another recipe."""
    shutil.copytree(tiny_run, tmp_path / "run")
    with pytest.raises(UserError, match="contains a run; continue it with --resume"):
        train(tiny_data, tmp_path / "run")
    with pytest.raises(UserError, match="differs from this recipe"):
        train(tiny_data, tmp_path / "run", "train.epochs=2", resume=True)
    before = weights(tmp_path / "run")
    train(tiny_data, tmp_path / "run", resume=True)
    assert same_parameters(before, weights(tmp_path / "run"))


@pytest.mark.slow
def test_an_unknown_metric_is_an_error_before_training(tiny_data, tmp_path):
    """Fails if the error is raised only at the first evaluation, after an epoch."""
    with pytest.raises(
        UserError,
        match=r"train\.metric is 'bleu'.*: accuracy, accuracy_in_set, macro_recall, macro_f1",
    ):
        train(tiny_data, tmp_path / "run", "train.metric=bleu")
    assert not (tmp_path / "run").exists(), "the directory is free for the corrected recipe"


def test_early_stopping(tiny_data, tmp_path):
    """The task is solved at once and cannot improve. Fails if patience has no effect."""
    fitted(tiny_data, tmp_path / "run", "train.epochs=50", "train.patience=2", "train.log_every=1")
    steps = max(entry["step"] for entry in read_metrics(tmp_path / "run" / "metrics.jsonl"))
    assert steps < 17 * 15


def test_a_diverging_run_is_an_error(tiny_data, tmp_path):
    """Fails if training continues with weights that are not finite."""
    with pytest.raises(UserError, match="the run has diverged; lower"):
        train(
            tiny_data, tmp_path / "run", "train.optimizer.rate=1e30", "train.optimizer.name=sgd",
            "train.optimizer.clip=0", "train.log_every=1",
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["train.precision=bfloat16"],
        ["train.optimizer.accumulate=2", "train.rows=8"],
        ["tokenizer.kind=subwords", "tokenizer.size=60", "train.lengths=[64]"],
        ["tokenizer.kind=chars", "train.lengths=[64]", "train.epochs=12"],
        ["model.encoder.cell=gru", "model.encoder.layers=2", "model.encoder.residual=true"],
        ['model.encoder.cell={kind="stack", depth=8, width=4}'],
    ],
    ids=str,
)
def test_options_still_learn(tiny_data, tmp_path, settings):
    """Fails if an option breaks learning: each still solves a task on which chance is one half."""
    fitted(tiny_data, tmp_path / "run", *settings)
    assert max(value for _, value in development(tmp_path / "run", "accuracy")) > 0.9


@pytest.mark.slow
def test_a_reservoir_is_not_trained(tiny_data, tmp_path):
    """Weight decay and weight drop included. Fails if a fixed weight changes, or nothing learns."""
    change = ["model.encoder.cell=echo_state", "train.optimizer.weight_decay=0.1"]
    params = fitted(tiny_data, tmp_path / "run", *change, "train.weight_drop=0.5")
    recipe = load_recipe(str(tiny_data / "tiny.toml"), change)
    _, fresh = split_model(prepare(recipe).task.build(nnx.Rngs(recipe.train.seed)))
    for name in params:
        fixed = name.startswith("encoder.")
        assert (params[name] == fresh[name]).all() == fixed, name
    assert max(value for _, value in development(tmp_path / "run", "accuracy")) > 0.9


def test_a_size_that_no_network_has_is_an_error_before_training(tiny_data, tmp_path):
    with pytest.raises(UserError, match="8 units cannot be divided evenly among 3 levels"):
        train(tiny_data, tmp_path, 'model.encoder.cell={kind="hmlstm", levels=3}')


@pytest.mark.slow
def test_pretraining_starts_a_classifier(tiny_data, tmp_path):
    """Two recipes in sequence. Fails if not all weights, or not the tokenizer, are copied."""
    recipe = load_recipe(
        "reviews-lm",
        [
            'data.train=[{path="reviews.csv"}]', "data.dev={}", "tokenizer.size=20",
            "model.embedding.size=8", "model.encoder.hidden=8", "model.samples=8",
            "train.epochs=2", "train.lengths=[16]", "train.rows=16", "train.tokens=256",
        ],
    )  # fmt: skip
    info = run(recipe, tmp_path / "lm", resume=False)
    assert info.metrics["heldout"]["perplexity"] < 40, "16 of 19 words, and the special tokens"
    start = ["model.encoder.joined=false", f"start.bundle={tmp_path / 'lm' / 'bundle'}"]
    scales = "train.optimizer.scales={embedding=0, encoder=0}"
    taken = fitted(tiny_data, tmp_path / "frozen", *start, scales)
    given = load_bundle(tmp_path / "lm" / "bundle").params
    names = [name for name in taken if name.startswith(("embedding", "encoder"))]
    assert len(names) == 7
    for name in names:
        np.testing.assert_array_equal(given[name], taken[name])
    extended = fitted(tiny_data, tmp_path / "words", *start, scales, "start.words=3")
    table, known = extended["embedding.table"], given["embedding.table"]
    assert (len(known), len(table)) == (20, 23)
    np.testing.assert_array_equal(table[: len(known)], known)
    assert load_recipe(str(tiny_data / "tiny.toml"), [*start, 'start.bundle=""']).start is None
    train(tiny_data, tmp_path / "other", "train.epochs=1")
    bundles = [str(tmp_path / name / "bundle") for name in ("lm", "other")]
    with pytest.raises(UserError, match="different tokenizers or shapes"):
        train(tiny_data, tmp_path / "mean", f"start={{bundle={json.dumps(bundles)}}}")
    for change, reason in [
        ("model.encoder.hidden=4", "this model needs"),
        ('start.parameters=["decoder"]', "no parameters named 'decoder'"),
    ]:
        with pytest.raises(UserError, match=reason):
            train(tiny_data, tmp_path / reason[:4], *start, change)


@pytest.mark.slow
def test_the_mean_of_two_models(tiny_data, tmp_path):
    """Fails if one of them is left out, or if no passes change the weights."""
    first = tmp_path / "one"
    train(tiny_data, first, "train.epochs=1")
    start = 'start.parameters=[""]'
    train(tiny_data, tmp_path / "two", f"start.bundle={first / 'bundle'}", start, "train.epochs=1")
    bundles = [str(tmp_path / name / "bundle") for name in ("one", "two")]
    whole = f"start={{bundle={json.dumps(bundles)}, parameters=['']}}"
    mean = fitted(tiny_data, tmp_path / "mean", whole, "train.epochs=0")
    one, two = (load_bundle(bundle).params for bundle in bundles)
    for name in mean:
        np.testing.assert_allclose(mean[name], (one[name] + two[name]) / 2, atol=1e-6)
    assert any((one[name] != two[name]).any() for name in one)
    with pytest.raises(UserError, match="there is nothing to export"):
        train(tiny_data, tmp_path / "none", "train.epochs=0")


def small_step(config: TrainConfig):
    """A step on a task small enough to follow by hand."""
    from flax import nnx

    from textrnn.batching import Limits, Shape
    from textrnn.tasks.classify.task import Classify, ClassifyConfig
    from textrnn.text import WordTokenizer

    rows = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    task = Classify.fit(
        ClassifyConfig.parse({"embedding": {"size": 4}, "encoder": {"hidden": 4}}, source="test"),
        WordTokenizer.fit(["a b"], 10), Limits(length=4, rows=2, tokens=8), rows,
    )  # fmt: skip
    graph, params = split_model(task.build(nnx.Rngs(0)))
    optimizer = make_optimizer(config.optimizer, 100)
    batch = task.collate([task.read(r, task.options_type(), True) for r in rows], Shape(2, 8))
    return (
        make_step(without_carry(task), graph, optimizer, config, shards_of(config)),
        initial_state(params, optimizer, config, ()),
        stacked([batch]),
    )


def test_average_follows_the_weights():
    """Fails if the average retains the initial weights, or equals the current ones."""
    config = TrainConfig(
        ema=0.99, optimizer=OptimizerConfig(name="sgd", rate=0.1, schedule="constant")
    )
    step, state, batch = small_step(config)
    expected = {name: np.asarray(p, np.float64) for name, p in state.params.items()}
    for number in range(5):
        state, _ = step(state, batch)
        decay = min(0.99, (1 + number) / (10 + number))
        for name, value in state.params.items():
            expected[name] = decay * expected[name] + (1 - decay) * np.asarray(value, np.float64)
    for name, value in state.average.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-6)


def test_weight_drop_affects_only_recurrent_weights():
    """Fails if input weights are dropped, the rate is wrong, or kept weights are not scaled up."""
    params = {"a.recurrent_kernel": jnp.ones((50, 50)), "a.input_kernel": jnp.ones((50, 50))}
    dropped = drop_weights(params, 0.3, jax.random.key(0))
    np.testing.assert_array_equal(dropped["a.input_kernel"], 1)
    values = np.asarray(dropped["a.recurrent_kernel"])
    assert set(np.unique(values).round(4)) == {0, np.float32(1 / 0.7).round(4)}
    assert 0.25 < (values == 0).mean() < 0.35


def test_an_incomplete_last_line_of_a_log_is_ignored(tmp_path):
    """Fails if a log with an incomplete last line cannot be read."""
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"step": 1}) + "\n" + '{"step": 2, "lo')
    assert read_metrics(path) == [{"step": 1}]


def test_the_resulting_bundle_can_be_loaded(tiny_run):
    """Fails if a bundle cannot be used directly after training."""
    (answer,) = textrnn.load(tiny_run / "bundle").predict("a great film")
    assert answer["label"] == "friendly"
