"""Training and sweeps on a real Ray cluster, which is started here."""

import csv

import numpy as np
import pytest

from support.bundles import weights
from support.command import textrnn_here
from training.recipe import load_recipe

pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("ignore")]

SETTINGS = ["train.epochs=1", "train.shards=2", "model.dropout=0.3", 'storage="float32"']


@pytest.fixture(scope="module", autouse=True)
def cluster(tiny_data):
    ray = pytest.importorskip("ray", reason="Ray has no build for this Python")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTRNN_DATA", str(tiny_data))
        yield ray.init(num_cpus=2, include_dashboard=False)
        ray.shutdown()


def test_workers_train_the_model_of_one_host(tiny_data, tmp_path):
    """Fails if the workers do not find each other, or train models of their own."""
    for name, *engine in (["alone"], ["ray", "--engine", "ray", "--workers", "2"]):
        done = textrnn_here(
            "train", tiny_data / "tiny.toml", *SETTINGS, "--output", tmp_path / name, *engine
        )
        assert done.returncode == 0, done.stderr
    alone, together = weights(tmp_path / "alone"), weights(tmp_path / "ray")
    for name in alone:
        np.testing.assert_allclose(together[name], alone[name], atol=1e-4)


def test_a_sweep_has_its_best_recipe_and_says_what_failed(tiny_data, tmp_path):
    """One of the trials fails. Fails if the others do with it, if nothing says so, if the best
    recipe is not that of the best trial, or if another sweep can be mixed in."""
    arguments = ["sweep", tiny_data / "tiny.toml", "train.epochs=1", "--search", "grid"]
    arguments += ["--output", tmp_path / "sweep", "train.metric=[accuracy, f9]"]
    rates = "train.optimizer.rate=[1e-5, 2e-2]"
    done = textrnn_here(*arguments, rates)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("failed: ") == 2
    with (tmp_path / "sweep" / "trials.csv").open() as stream:
        trials = list(csv.DictReader(stream))
    assert [trial["state"] for trial in trials[2:]] == ["failed", "failed"]
    assert {trial["train.metric"] for trial in trials[:2]} == {"accuracy"}
    assert float(trials[0]["value"]) >= float(trials[1]["value"])
    best = load_recipe(str(tmp_path / "sweep" / "best.toml"))
    assert best.train.optimizer.rate == float(trials[0]["train.optimizer.rate"])
    assert (tmp_path / "sweep" / "trials.png").read_bytes().startswith(b"\x89PNG")

    for rest, message in (
        ([rates], "contains a sweep; continue it with --resume"),
        (["train.optimizer.rate=[1e-5, 1e-3]", "--resume"], "differs from this sweep"),
    ):
        done = textrnn_here(*arguments, *rest)
        assert done.returncode == 1
        assert message in done.stderr
