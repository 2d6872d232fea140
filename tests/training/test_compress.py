"""Compression of trained models by principal components."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from support.reversed_words import reversals
from support.tiny_models import RECIPES
from textrnn.batching import Shape
from textrnn.bundle import load_bundle
from textrnn.errors import UserError
from textrnn.layers.cells.choice import cell_choice
from textrnn.predictor import Predictor
from training.compress import as_table, compress
from training.data_check import training_task
from training.projection import Moments, Rank, check_compressible, project, second_moments
from training.recipe import TrainConfig

SENTENCES = ["what a lovely film", "an awful plot", "lovely"]


@pytest.fixture
def data(tiny_data, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tiny_data))
    return tiny_data


def observed(bundle, rows, shape, *, gold=False):
    """The moments of all rows in one batch of this shape."""
    task = training_task(bundle.task, TrainConfig(lengths=(16,)))
    examples = [task.read(row, task.options_type(), gold=gold) for row in rows]
    windows = [window for example in examples for window in example.windows]
    return second_moments(task, bundle.params, [task.collate(windows, shape)])


def numbers(answers):
    """The numbers of answers apart from everything else."""
    leaves, tree = jax.tree.flatten(answers)
    found = [leaf for leaf in leaves if isinstance(leaf, float)]
    return [leaf for leaf in leaves if not isinstance(leaf, float)], tree, np.array(found)


def outer(rows):
    return np.asarray(rows).T @ np.asarray(rows)


def assert_moments(found, inputs, states):
    np.testing.assert_allclose(found.inputs, outer(inputs), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.states, outer(states), rtol=1e-4, atol=1e-4)


def test_moments_are_those_of_what_the_cells_of_an_encoder_read(tiny_bundle):
    """Fails if padding counts, or if the directions are exchanged."""
    bundle = load_bundle(tiny_bundle)
    found = observed(bundle, [{"text": text} for text in SENTENCES], Shape(4, 64))
    model = Predictor(bundle.task, bundle.params).model()
    ids = [bundle.task.read({"text": t}, bundle.task.options_type()).ids for t in SENTENCES]
    inputs, states = [], []
    for row in ids:
        lengths = jnp.array([len(row)])
        x = model.embedding(jnp.asarray(row), lengths)
        inputs.append(x)
        states.append(model.encoder(x, lengths)[0])
    h = np.concatenate(states)
    width = h.shape[1] // 2
    x = np.concatenate(inputs)
    assert_moments(found["encoder.layers.0.forward"], x, h[:, :width])
    assert_moments(found["encoder.layers.0.backward"], x, h[:, width:])


def test_moments_are_those_of_what_the_cell_of_a_decoder_reads(translate_bundle):
    """Against single steps. Fails if the input is not that of the step, or if padding counts."""
    bundle = load_bundle(translate_bundle)
    rows = [{"source": s, "target": t} for s, t in reversals(3)]
    found = observed(bundle, rows, Shape(4, 64), gold=True)
    model, one = Predictor(bundle.task, bundle.params).model(), jnp.array([1])
    inputs, states = [], []
    for row in rows:
        example = bundle.task.read(row, bundle.task.options_type(), gold=True)
        (window,) = example.windows
        batch = bundle.task.collate([window], Shape(1, 16))
        source, state = model.begin(jnp.asarray(batch["ids"]), batch["lengths"], 16)
        for step in range(len(window.target)):
            x = model.embedding.table[...][batch["before"][:, step]]
            inputs.append(np.concatenate([x, state.output], axis=1))
            state, _, _ = model.step(source, state, jnp.asarray(batch["before"][:, step]), one)
            states.append(state.carries[0][1])
    assert_moments(found["decoder.cells.0"], np.concatenate(inputs), np.concatenate(states))


@pytest.mark.parametrize("fixture", ["tiny_bundle", "tag_bundle", "translate_bundle"])
def test_all_components_change_nothing(fixture, request):
    """Fails if a factor belongs to another cell, or if components are missing."""
    bundle = load_bundle(request.getfixturevalue(fixture))
    texts = [text for text, _ in reversals(3)] if "translate" in fixture else SENTENCES
    rows = [{bundle.task.input: text, "target": text} for text in texts]
    moments = observed(bundle, rows, Shape(4, 64), gold="translate" in fixture)
    task, params = project(bundle.task, bundle.params, moments, Rank(share=1.0))
    *words, scores = numbers(Predictor(bundle.task, bundle.params).predict(texts))
    *other_words, other_scores = numbers(Predictor(task, params).predict(texts))
    assert other_words == words
    np.testing.assert_allclose(other_scores, scores, atol=2e-2)


def test_a_projected_kernel_is_the_best_of_its_rank(tiny_bundle):
    """The error of the pre-activations is what the components left out have (Eckart and Young
    1936). Fails if components of the inputs are taken, or not the largest."""
    random = np.random.default_rng(0)
    bundle = load_bundle(tiny_bundle)
    name = "encoder.layers.0.forward"
    kernel = np.asarray(bundle.params[f"{name}.input_kernel"], np.float64)
    x = random.normal(size=(500, len(kernel))) * np.arange(1, len(kernel) + 1)
    h = random.normal(size=(500, kernel.shape[1] // 4))
    moments = {
        f"encoder.layers.0.{side}": Moments(jnp.asarray(outer(x)), jnp.asarray(outer(h)))
        for side in ("forward", "backward")
    }
    task, params = project(bundle.task, bundle.params, moments, Rank(3))
    assert task.config.encoder.cell == cell_choice("projected_lstm", input_rank=3, recurrent_rank=3)
    product = params[f"{name}.input_projection"] @ params[f"{name}.input_factor"]
    error = np.linalg.norm(x @ kernel - x @ np.asarray(product, np.float64))
    singular = np.linalg.svd(x @ kernel, compute_uv=False)
    assert error == pytest.approx(np.linalg.norm(singular[3:]), rel=1e-3)


def test_a_share_takes_as_many_components_as_it_needs():
    variances = np.array([6.0, 3.0, 0.9, 0.1])
    assert [Rank(share=share).of(variances) for share in (0.5, 0.6, 0.89, 0.95, 1.0)] == [
        1, 1, 2, 3, 4,
    ]  # fmt: skip
    assert [Rank(number).of(variances) for number in (1, 3, 9)] == [1, 3, 4]


def test_a_recipe_fine_tunes_the_projected_model(data, tiny_bundle, tmp_path):
    """Fails if the weights of the projected model are not those that training starts from."""
    settings = ["train.epochs=1", "train.optimizer.rate=1e-9", "limits.rows=8"]
    measured = compress(str(tiny_bundle), str(data / "tiny.toml"), Rank(2), tmp_path, settings)
    projected, tuned = (load_bundle(tmp_path / name) for name in ("projected", "bundle"))
    assert tuned.params.keys() == projected.params.keys()
    for name, array in projected.params.items():
        np.testing.assert_allclose(array, tuned.params[name], atol=2e-3)
    assert tuned.task.config.encoder.cell == projected.task.config.encoder.cell
    assert "input and recurrent rank: 2 and 2" in tuned.info.training.recipe["notes"]
    before, after = measured["before"], measured["fine-tuned"]
    assert after.parameters < before.parameters
    assert after.bytes < before.bytes
    table = as_table(measured)
    assert table[0] == ["", "before", "projected", "fine-tuned"]
    assert table[-1][0].startswith("heldout.")


def test_without_epochs_the_projected_model_is_the_result(data, tiny_bundle, tmp_path):
    """Fails if it is trained or measured once more."""
    settings = ["train.epochs=0"]
    measured = compress(str(tiny_bundle), str(data / "tiny.toml"), Rank(2), tmp_path, settings)
    assert list(measured) == ["before", "projected"]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_file_compresses_without_training(data, tag_bundle, tmp_path):
    """Fails if the metrics of the bundle are not those of the projected model."""
    measured = compress(str(tag_bundle), str(data / "towns.conll"), Rank(share=0.9), tmp_path)
    assert list(measured) == ["before", "projected"]
    info = load_bundle(tmp_path / "bundle").info
    assert info.metrics == measured["projected"].metrics
    assert not (tmp_path / "projected").exists()


@pytest.mark.parametrize(
    ("rank", "data_name", "settings", "message"),
    [
        (Rank(9), "tiny.toml", [], "the rank is 9, and the encoder has 8 units"),
        (Rank(2), "tag.toml", [], "is for classify, and .*tag.toml for tag"),
        (Rank(2), "tiny.toml", ["model.encoder.hidden=9"], r"has \[64, 1\]|has \[36\]"),
        (Rank(2), "reviews.csv", ["train.epochs=0"], "is not a recipe"),
        (Rank(2), "missing.csv", [], "missing.csv"),
    ],
)
def test_what_does_not_fit_is_refused(
    rank, data_name, settings, message, data, tiny_bundle, tmp_path
):
    """Fails if the error comes after something was written."""
    (data / "tag.toml").write_text(RECIPES["tiny-tag"])
    with pytest.raises(UserError, match=message):
        compress(str(tiny_bundle), str(data / data_name), rank, tmp_path / "run", settings)
    assert not (tmp_path / "run").exists()


def test_other_cells_are_refused(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    encoder = bundle.task.config.encoder.model_copy(update={"cell": cell_choice("gru")})
    config = bundle.task.config.model_copy(update={"encoder": encoder})
    task = type(bundle.task)(config, bundle.task.tokenizer, bundle.task.limits)
    with pytest.raises(UserError, match="this one has gru in the encoder"):
        check_compressible(task, Rank(2))


def test_a_result_is_not_replaced(data, tiny_bundle, tmp_path):
    (tmp_path / "bundle").mkdir()
    with pytest.raises(UserError, match="has a bundle already"):
        compress(str(tiny_bundle), str(data / "reviews.csv"), Rank(2), tmp_path)


def test_layers_of_several_widths_share_a_rank(generate_bundle):
    """Fails if a layer is said to read something else than the states of the one below, or gets a
    rank larger than its width."""
    bundle = load_bundle(generate_bundle)
    ids = bundle.task.tokenizer.encode("babble " * 20).ids
    batch = {"ids": np.array(ids[: len(ids) // 17 * 17]).reshape(-1, 17)}
    moments = second_moments(bundle.task, bundle.params, [batch])
    first, second = (moments[f"encoder.layers.{index}.forward"] for index in (0, 1))
    np.testing.assert_allclose(second.inputs, first.states, rtol=1e-4, atol=1e-4)
    task, params = project(bundle.task, bundle.params, moments, Rank(share=1.0))
    options = task.config.encoder.cell.options
    assert options.input_rank == bundle.task.config.embedding.size
    assert {name: leaf.shape for name, leaf in params.items()} == {
        name: leaf.shape for name, leaf in task.structure[1].items()
    }
