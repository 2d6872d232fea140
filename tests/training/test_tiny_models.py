"""The committed tiny bundles match their recipes: a retrained model is as good."""

import math

import pytest

import textrnn
from support import tiny_models
from support.data import sentences, towns
from support.few_languages import phrases
from support.made_up_words import NATS
from support.reversed_words import reversals
from textrnn.bundle import load_bundle
from textrnn.config import read_toml
from textrnn.io.formats import read_records
from training.recipe import Recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=tiny_models.RECIPES)
def trained(request, tmp_path_factory, tiny_run):
    """A tiny model and the directory of a run that trains it."""
    if request.param == "tiny":
        return request.param, tiny_run
    return request.param, tiny_models.train(request.param, tmp_path_factory.mktemp("run"))


def test_a_new_run_is_as_good_as_the_committed_bundle(trained):
    """Fails if training of a task breaks or gets worse, which a committed bundle cannot show."""
    name, run = trained
    new, committed = (load_bundle(path) for path in (run / "bundle", tiny_models.BUNDLES / name))
    assert new.params.keys() == committed.params.keys()
    assert new.info.metrics.keys() == committed.info.metrics.keys()
    for part, metrics in committed.info.metrics.items():
        assert metrics.keys() == new.info.metrics[part].keys()
        for metric, value in metrics.items():
            tolerance = 0.05 * abs(value) + 0.05
            assert new.info.metrics[part][metric] == pytest.approx(value, abs=tolerance), metric


def test_a_new_run_solves_its_task(trained, tmp_path):
    """Fails if a trained model does not generalise to unseen rows."""
    name, run = trained
    model = textrnn.load(run / "bundle")
    if name == "tiny":
        rows = sentences(100, seed=9)
        assert [a["label"] for a in model.predict([t for t, _ in rows])] == [g for _, g in rows]
    elif name == "tiny-language":
        rows = phrases(100, seed=9)
        answers = model.predict([text for text, _ in rows])
        right = [a["label"] == label for a, (_, label) in zip(answers, rows, strict=True)]
        assert sum(right) > 0.95 * len(right)
    elif name == "tiny-tag":
        path = tmp_path / "dev.conll"
        path.write_text(towns(100, seed=9))
        rows = [record.fields for record in read_records(path)]
        answers = model.predict_rows(rows)
        assert model.task.score(answers, rows)["f1"] == 1
    elif name == "tiny-translate":
        pairs = reversals(200, seed=9)
        for beam in (1, 3):
            answers = model.predict([source for source, _ in pairs], beam_size=beam)
            right = [a["text"] == target for a, (_, target) in zip(answers, pairs, strict=True)]
            assert sum(right) > 0.95 * len(right)
    else:
        bits = load_bundle(run / "bundle").info.metrics["heldout"]["stateful_bits"]
        assert NATS / math.log(2) - 0.02 < bits < NATS / math.log(2) + 0.1


def test_the_committed_bundle_is_of_the_present_recipe(trained, tmp_path):
    """Fails if a recipe was changed and `make test-bundles` was not run."""
    name, _ = trained
    path = tmp_path / "recipe.toml"
    path.write_text(tiny_models.RECIPES[name])
    made_from = load_bundle(tiny_models.BUNDLES / name).info.training.recipe
    assert Recipe.parse(made_from, source="bundle") == Recipe.parse(read_toml(path), source="now")
